//! Paint pictures, video and cameras in any style: the library's face.
