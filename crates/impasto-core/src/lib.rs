//! What AdaIN style transfer is: image, tensor, network table, weights, style, the engine trait and the plain reference engine.
