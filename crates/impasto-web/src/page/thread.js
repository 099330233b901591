// A worker that becomes one of the engine's threads.

import { Engine } from "./engine.js";

onmessage = async ({ data: { module, memory, stack } }) => (await Engine.start(module, memory)).lend(stack);
