/* Impasto: paint pictures and frames in the style of any painting.
 *
 * Made by cbindgen from crates/impasto-c; do not edit. MIT OR Apache-2.0.
 *
 * Every function that can fail returns an ImpastoCode and writes its result through `out`, which it leaves alone when it fails.
 * `impasto_error()` then says in words what is wrong and what to do. NULL is never a crash: a function that needs what it
 * points to returns IMPASTO_CODE_NULL, and the `_free` functions do nothing.
 *
 * Threads: a stylizer and a style may be used by several threads at once. A session may be used by several too, which then
 * wait for each other, so give each camera a session of its own. Nothing may be used while, or after, it is freed.
 *
 * Pictures are sRGB, 8 bits a channel, rows from the top. A negative stride means rows from the bottom: `pixels` points to the
 * row at the top all the same.
 */


#ifndef IMPASTO_H
#define IMPASTO_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

// The outcome of a call.
typedef enum ImpastoCode {
  // Done.
  IMPASTO_CODE_OK = 0,
  // A pointer is NULL where something must be.
  IMPASTO_CODE_NULL = 1,
  // A size, stride, format, dial or word that cannot be meant.
  IMPASTO_CODE_ARGUMENT = 2,
  // No such style, a damaged one, or one of another model.
  IMPASTO_CODE_STYLE = 3,
  // A file that cannot be read.
  IMPASTO_CODE_FILE = 4,
  // The engine cannot paint: no memory, no such device.
  IMPASTO_CODE_ENGINE = 5,
  // A fault in Impasto itself; please report it with the words of `impasto_error`.
  IMPASTO_CODE_BUG = 6,
} ImpastoCode;

// The order of a pixel's bytes.
enum ImpastoFormat
#ifdef __cplusplus
  : uint32_t
#endif // __cplusplus
 {
  // Red, green, blue: 3 bytes a pixel.
  IMPASTO_FORMAT_RGB8 = 0,
  // Red, green, blue, alpha: 4 bytes a pixel.
  IMPASTO_FORMAT_RGBA8 = 1,
  // Blue, green, red, alpha: 4 bytes a pixel.
  IMPASTO_FORMAT_BGRA8 = 2,
};
#ifndef __cplusplus
typedef uint32_t ImpastoFormat;
#endif // __cplusplus

// Paints the frames of one film or camera, in their order, and holds the painting still from frame to frame.
typedef struct ImpastoSession ImpastoSession;

// The style of a painting.
typedef struct ImpastoStyle ImpastoStyle;

// A model and an engine: takes styles from paintings, and paints.
typedef struct ImpastoStylizer ImpastoStylizer;

// A picture in the caller's memory, to read or to write. Alpha is not painted: the result has that of the picture that was painted,
// or 255 where that has none.
typedef struct ImpastoPicture {
  // The leftmost pixel of the row at the top.
  uint8_t *pixels;
  // Width in px, from 1 up.
  uint32_t width;
  // Height in px, from 1 up.
  uint32_t height;
  // Bytes from the start of one row to that of the row below: negative where the picture lies upside down in memory; 0 where
  // rows follow each other without gaps.
  ptrdiff_t stride;
  // The order of a pixel's bytes, one of `ImpastoFormat`.
  uint32_t format;
} ImpastoPicture;

// Settings of a painting besides the style; `impasto_dials()` gives the usual ones.
typedef struct ImpastoDials {
  // 0..1: how much of the style; usually 1.
  float strength;
  // 0..1: how much of the photo's colours; usually 0.
  float keep_color;
  // 0..1: how calm a session keeps the painting from frame to frame; usually 0.6. `impasto_paint` does not heed it.
  float steady;
  // 0..2: how strong strokes are on flat ground; usually 1.
  float strokes;
  // Seed of the noise field, which places the strokes; usually 0.
  uint32_t seed;
} ImpastoDials;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The words of this thread's last error, in UTF-8; "" where there was none. They stay until the thread's next call that fails.
const char *impasto_error(void);

// Number of styles that are inside.
size_t impasto_builtin_count(void);

// The name of the built-in style at `index`, in the order in which they are shown; NULL beyond the last. It lives as long as the
// program.
const char *impasto_builtin_name(size_t index);

// The style that `word` means: a built-in name, or the path of a `.style` file or of a painting (in UTF-8). A painting is brought to
// `style_px` on its shorter side; fewer px give finer strokes, 0 keeps its size, 512 is usual.
//
// # Safety
// `stylizer` is NULL or live, `word` is NULL or ends with a zero, `out` is NULL or can be written.
enum ImpastoCode impasto_style_read(const struct ImpastoStylizer *stylizer,
                                    const char *word,
                                    uint32_t style_px,
                                    struct ImpastoStyle **out);

// Takes the style of a painting. `style_px` is that of `impasto_style_read`. Do it once for each painting, not for each frame.
//
// # Safety
// Pointers are NULL or point to live things; the painting's memory is as large as its numbers say; `out` is NULL or can be written.
enum ImpastoCode impasto_style_encode(const struct ImpastoStylizer *stylizer,
                                      const struct ImpastoPicture *painting,
                                      uint32_t style_px,
                                      struct ImpastoStyle **out);

// Mixes `count` styles of one model by their weights, which need not add up to 1.
//
// # Safety
// `styles` and `weights` are NULL or point to `count` of them, each style NULL or live; `out` is NULL or can be written.
enum ImpastoCode impasto_style_mix(const struct ImpastoStyle *const *styles,
                                   const float *weights,
                                   size_t count,
                                   struct ImpastoStyle **out);

// Frees a style.
//
// # Safety
// `style` is NULL, or came from this library and was not freed.
void impasto_style_free(struct ImpastoStyle *style);

// The usual dials.
struct ImpastoDials impasto_dials(void);

// Makes a stylizer. `model` is "light", which is inside, or the path of a model file; NULL means "light". `engine` is "auto", "cpu",
// "gpu" or "reference"; NULL means "auto". `threads` of the CPU engine; 0 is one a core.
//
// # Safety
// `model` and `engine` are NULL or end with a zero; `out` is NULL or can be written.
enum ImpastoCode impasto_stylizer_new(const char *model,
                                      const char *engine,
                                      uint32_t threads,
                                      struct ImpastoStylizer **out);

// Frees a stylizer. Styles and sessions made by it live on.
//
// # Safety
// `stylizer` is NULL, or came from `impasto_stylizer_new` and was not freed.
void impasto_stylizer_free(struct ImpastoStylizer *stylizer);

// The name of the engine, with its instruction set or adapter; NULL for NULL. It lives as long as the stylizer.
//
// # Safety
// `stylizer` is NULL or a live stylizer.
const char *impasto_stylizer_engine(const struct ImpastoStylizer *stylizer);

// Paints `photo` into `painted`, which has its size and may be the same memory. `dials` may be NULL. For the frames of a film or
// camera use a session, which is faster and steadier.
//
// # Safety
// Pointers are NULL or point to live things; the memory of both pictures is as large as their numbers say, and nobody else
// uses that of `painted` meanwhile.
enum ImpastoCode impasto_paint(const struct ImpastoStylizer *stylizer,
                               const struct ImpastoStyle *style,
                               const struct ImpastoDials *dials,
                               const struct ImpastoPicture *photo,
                               const struct ImpastoPicture *painted);

// Begins a film or camera. The session keeps the model, so the stylizer may be freed.
//
// # Safety
// `stylizer` is NULL or live, `out` is NULL or can be written.
enum ImpastoCode impasto_session_new(const struct ImpastoStylizer *stylizer, struct ImpastoSession **out);

// Paints the next frame into `painted`, which has its size and may be the same memory. `dials` may be NULL. Style, dials and size
// may change from frame to frame; a new size starts afresh.
//
// # Safety
// Pointers are NULL or point to live things; the memory of both pictures is as large as their numbers say, and nobody else
// uses that of `painted` meanwhile.
enum ImpastoCode impasto_session_paint(const struct ImpastoSession *session,
                                       const struct ImpastoStyle *style,
                                       const struct ImpastoDials *dials,
                                       const struct ImpastoPicture *frame,
                                       const struct ImpastoPicture *painted);

// Forgets what was carried from earlier frames: for a cut that the session cannot see.
//
// # Safety
// `session` is NULL or live.
enum ImpastoCode impasto_session_reset(const struct ImpastoSession *session);

// Frees a session.
//
// # Safety
// `session` is NULL, or came from `impasto_session_new` and was not freed.
void impasto_session_free(struct ImpastoSession *session);

// The version, such as "0.1.0". It lives as long as the program.
const char *impasto_version(void);

#ifdef __cplusplus
} // extern "C"
#endif // __cplusplus

#endif /* IMPASTO_H */
