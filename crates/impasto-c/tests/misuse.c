/* All that a caller may get wrong without pointing to memory that is not there: a code and words, never a crash. Run by tests/c.rs, and
 * by `.ci/bindings address` under AddressSanitizer. */
#include "impasto.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                              \
    do {                                                                         \
        if (!(what)) {                                                           \
            fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #what, impasto_error()); \
            exit(1);                                                             \
        }                                                                        \
    } while (0)
/* The call fails with this code, and its words hold these. */
#define FAILS(call, code, words)                                  \
    do {                                                          \
        CHECK((call) == (code));                                  \
        CHECK(strstr(impasto_error(), words) != NULL);            \
    } while (0)

enum { WIDTH = 37, HEIGHT = 23 };

static ImpastoStylizer *stylizer;
static ImpastoStyle *waves, *mosaic;

static void fill(uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 97);
    }
}

static ImpastoPicture picture(uint8_t *pixels, uint32_t format) {
    ImpastoPicture picture = {pixels, WIDTH, HEIGHT, 0, format};
    return picture;
}

static void nothing_is_a_code(void) {
    ImpastoStylizer *other = NULL;
    ImpastoStyle *style = NULL;
    ImpastoSession *session = NULL;
    uint8_t bytes[3 * WIDTH * HEIGHT] = {0};
    ImpastoPicture ok = picture(bytes, IMPASTO_FORMAT_RGB8), empty = picture(NULL, IMPASTO_FORMAT_RGB8);
    FAILS(impasto_stylizer_new(NULL, NULL, 1, NULL), IMPASTO_CODE_NULL, "`out` is NULL");
    FAILS(impasto_style_read(NULL, "waves", 0, &style), IMPASTO_CODE_NULL, "`stylizer` is NULL");
    FAILS(impasto_style_read(stylizer, NULL, 0, &style), IMPASTO_CODE_NULL, "`word` is NULL");
    FAILS(impasto_style_read(stylizer, "waves", 0, NULL), IMPASTO_CODE_NULL, "`out` is NULL");
    FAILS(impasto_style_encode(stylizer, NULL, 0, &style), IMPASTO_CODE_NULL, "`painting` is NULL");
    FAILS(impasto_style_encode(stylizer, &empty, 0, &style), IMPASTO_CODE_NULL, "`painting.pixels` is NULL");
    FAILS(impasto_style_mix(NULL, NULL, 2, &style), IMPASTO_CODE_NULL, "`styles` is NULL");
    const ImpastoStyle *styles[2] = {waves, NULL};
    float weights[2] = {1, 1};
    FAILS(impasto_style_mix(styles, NULL, 2, &style), IMPASTO_CODE_NULL, "`weights` is NULL");
    FAILS(impasto_style_mix(styles, weights, 2, &style), IMPASTO_CODE_NULL, "a style of the mix");
    FAILS(impasto_style_mix(styles, weights, 0, &style), IMPASTO_CODE_STYLE, "no style to mix");
    FAILS(impasto_style_mix(styles, weights, (size_t)-1, &style), IMPASTO_CODE_ARGUMENT, "too many");
    FAILS(impasto_paint(NULL, waves, NULL, &ok, &ok), IMPASTO_CODE_NULL, "`stylizer`");
    FAILS(impasto_paint(stylizer, NULL, NULL, &ok, &ok), IMPASTO_CODE_NULL, "`style`");
    FAILS(impasto_paint(stylizer, waves, NULL, NULL, &ok), IMPASTO_CODE_NULL, "`photo`");
    FAILS(impasto_paint(stylizer, waves, NULL, &ok, &empty), IMPASTO_CODE_NULL, "`painted.pixels`");
    FAILS(impasto_session_new(NULL, &session), IMPASTO_CODE_NULL, "`stylizer`");
    FAILS(impasto_session_paint(NULL, waves, NULL, &ok, &ok), IMPASTO_CODE_NULL, "`session`");
    FAILS(impasto_session_reset(NULL), IMPASTO_CODE_NULL, "`session`");
    CHECK(impasto_stylizer_engine(NULL) == NULL && impasto_builtin_name((size_t)-1) == NULL);
    impasto_stylizer_free(NULL);
    impasto_style_free(NULL);
    impasto_session_free(NULL);
    CHECK(other == NULL && style == NULL && session == NULL);
}

static void wrong_numbers_and_words_are_codes(void) {
    ImpastoStylizer *other = NULL;
    ImpastoStyle *style = NULL;
    uint8_t bytes[3 * WIDTH * HEIGHT] = {0};
    ImpastoPicture ok = picture(bytes, IMPASTO_FORMAT_RGB8), bad = ok;
    FAILS(impasto_stylizer_new(NULL, "cuda", 1, &other), IMPASTO_CODE_ARGUMENT, "there is no engine `cuda`");
    FAILS(impasto_stylizer_new("none.safetensors", NULL, 1, &other), IMPASTO_CODE_FILE, "none.safetensors");
    FAILS(impasto_stylizer_new("\xff", NULL, 1, &other), IMPASTO_CODE_ARGUMENT, "not UTF-8");
    FAILS(impasto_style_read(stylizer, "wvaes", 0, &style), IMPASTO_CODE_STYLE, "there is no style `wvaes`");
    FAILS(impasto_style_read(stylizer, "", 0, &style), IMPASTO_CODE_STYLE, "there is no style");
    bad.width = 0;
    FAILS(impasto_paint(stylizer, waves, NULL, &bad, &bad), IMPASTO_CODE_ARGUMENT, "has no pixels");
    FAILS(impasto_style_encode(stylizer, &bad, 0, &style), IMPASTO_CODE_ARGUMENT, "has no pixels");
    bad.width = bad.height = UINT32_MAX;
    FAILS(impasto_paint(stylizer, waves, NULL, &bad, &bad), IMPASTO_CODE_ARGUMENT, "too large");
    bad = ok;
    bad.stride = 3 * WIDTH - 1;
    FAILS(impasto_paint(stylizer, waves, NULL, &bad, &ok), IMPASTO_CODE_ARGUMENT, "a stride of 110 bytes");
    bad.stride = PTRDIFF_MIN;
    FAILS(impasto_paint(stylizer, waves, NULL, &bad, &ok), IMPASTO_CODE_ARGUMENT, "stride");
    bad = ok;
    bad.format = 99;
    FAILS(impasto_paint(stylizer, waves, NULL, &ok, &bad), IMPASTO_CODE_ARGUMENT, "no format 99");
    bad = ok;
    bad.height = HEIGHT - 1;
    FAILS(impasto_paint(stylizer, waves, NULL, &ok, &bad), IMPASTO_CODE_ARGUMENT, "make them equal");
    ImpastoDials dials = impasto_dials();
    dials.strength = 2;
    FAILS(impasto_paint(stylizer, waves, &dials, &ok, &ok), IMPASTO_CODE_ARGUMENT, "strength must be between 0 and 1");
    const ImpastoStyle *styles[2] = {waves, mosaic};
    float weights[2] = {1, -1};
    FAILS(impasto_style_mix(styles, weights, 2, &style), IMPASTO_CODE_STYLE, "the weight of style `mosaic` is -1");
    CHECK(other == NULL && style == NULL);
}

/* Every layout of the same picture gives the same painting, and bytes between rows stay. */
static void layouts_agree(void) {
    static uint8_t rgb[3 * WIDTH * HEIGHT], painted[3 * WIDTH * HEIGHT];
    enum { ROW = 4 * WIDTH + 12 };
    static uint8_t bgra[ROW * HEIGHT];
    fill(rgb, sizeof rgb);
    ImpastoPicture from = picture(rgb, IMPASTO_FORMAT_RGB8), to = picture(painted, IMPASTO_FORMAT_RGB8);
    CHECK(impasto_paint(stylizer, waves, NULL, &from, &to) == IMPASTO_CODE_OK);
    CHECK(memcmp(rgb, painted, sizeof rgb) != 0);

    /* Upside down, four bytes a pixel, with gaps, and painted in place. */
    memset(bgra, 0xEE, sizeof bgra);
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint8_t *to4 = bgra + (HEIGHT - 1 - y) * ROW + 4 * x, *from3 = rgb + 3 * (y * WIDTH + x);
            to4[0] = from3[2], to4[1] = from3[1], to4[2] = from3[0], to4[3] = (uint8_t)(x + y);
        }
    }
    ImpastoPicture flipped = {bgra + (HEIGHT - 1) * ROW, WIDTH, HEIGHT, -ROW, IMPASTO_FORMAT_BGRA8};
    CHECK(impasto_paint(stylizer, waves, NULL, &flipped, &flipped) == IMPASTO_CODE_OK);
    for (int y = 0; y < HEIGHT; y++) {
        const uint8_t *row = bgra + (HEIGHT - 1 - y) * ROW;
        for (int x = 0; x < WIDTH; x++) {
            const uint8_t *is = row + 4 * x, *must = painted + 3 * (y * WIDTH + x);
            CHECK(is[0] == must[2] && is[1] == must[1] && is[2] == must[0] && is[3] == (uint8_t)(x + y));
        }
        for (int i = 4 * WIDTH; i < ROW; i++) {
            CHECK(row[i] == 0xEE);
        }
    }
    /* What had no alpha becomes opaque. */
    static uint8_t rgba[4 * WIDTH * HEIGHT];
    ImpastoPicture opaque = picture(rgba, IMPASTO_FORMAT_RGBA8);
    CHECK(impasto_paint(stylizer, waves, NULL, &from, &opaque) == IMPASTO_CODE_OK);
    CHECK(rgba[0] == painted[0] && rgba[3] == 255 && rgba[4 * WIDTH * HEIGHT - 1] == 255);
}

static void styles_are_taken_and_mixed(void) {
    static uint8_t painting[3 * WIDTH * HEIGHT], a[3 * WIDTH * HEIGHT], b[3 * WIDTH * HEIGHT];
    fill(painting, sizeof painting);
    ImpastoPicture from = picture(painting, IMPASTO_FORMAT_RGB8), to_a = picture(a, IMPASTO_FORMAT_RGB8);
    ImpastoPicture to_b = picture(b, IMPASTO_FORMAT_RGB8);
    ImpastoStyle *own, *mixed;
    CHECK(impasto_style_encode(stylizer, &from, 0, &own) == IMPASTO_CODE_OK);
    const ImpastoStyle *styles[3] = {waves, mosaic, own};
    float only_second[3] = {0, 3, 0}, all[3] = {1, 1, 1};
    CHECK(impasto_style_mix(styles, only_second, 3, &mixed) == IMPASTO_CODE_OK);
    CHECK(impasto_paint(stylizer, mixed, NULL, &from, &to_a) == IMPASTO_CODE_OK);
    CHECK(impasto_paint(stylizer, mosaic, NULL, &from, &to_b) == IMPASTO_CODE_OK);
    CHECK(memcmp(a, b, sizeof a) == 0);
    impasto_style_free(mixed);
    CHECK(impasto_style_mix(styles, all, 3, &mixed) == IMPASTO_CODE_OK);
    CHECK(impasto_paint(stylizer, mixed, NULL, &from, &to_a) == IMPASTO_CODE_OK);
    CHECK(memcmp(a, b, sizeof a) != 0);
    impasto_style_free(mixed);
    impasto_style_free(own);
}

/* A session of each thread's own, one that all share, and one stylizer for all. */
static ImpastoSession *shared;

static void *work(void *unused) {
    static const uint8_t zero[3];
    uint8_t *frame = malloc(3 * WIDTH * HEIGHT), *painted = malloc(3 * WIDTH * HEIGHT);
    fill(frame, 3 * WIDTH * HEIGHT);
    ImpastoPicture from = picture(frame, IMPASTO_FORMAT_RGB8), to = picture(painted, IMPASTO_FORMAT_RGB8);
    ImpastoSession *own;
    CHECK(impasto_session_new(stylizer, &own) == IMPASTO_CODE_OK);
    for (int i = 0; i < 3; i++) {
        CHECK(impasto_session_paint(own, waves, NULL, &from, &to) == IMPASTO_CODE_OK);
        CHECK(impasto_session_paint(shared, i % 2 ? waves : mosaic, NULL, &from, &to) == IMPASTO_CODE_OK);
        CHECK(impasto_paint(stylizer, mosaic, NULL, &from, &to) == IMPASTO_CODE_OK);
        FAILS(impasto_session_paint(own, NULL, NULL, &from, &to), IMPASTO_CODE_NULL, "`style`");
        CHECK(memcmp(painted, zero, 3) != 0);
    }
    CHECK(impasto_session_reset(own) == IMPASTO_CODE_OK);
    impasto_session_free(own);
    free(frame);
    free(painted);
    return unused;
}

static void threads_may_share(void) {
    pthread_t threads[4];
    CHECK(impasto_session_new(stylizer, &shared) == IMPASTO_CODE_OK);
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    impasto_session_free(shared);
}

int main(void) {
    CHECK(strcmp(impasto_error(), "") == 0);
    CHECK(impasto_builtin_count() >= 24 && strcmp(impasto_builtin_name(1), "waves") == 0);
    CHECK(impasto_stylizer_new("light", "cpu", 2, &stylizer) == IMPASTO_CODE_OK);
    CHECK(strncmp(impasto_stylizer_engine(stylizer), "cpu", 3) == 0);
    CHECK(impasto_style_read(stylizer, "waves", 0, &waves) == IMPASTO_CODE_OK);
    CHECK(impasto_style_read(stylizer, "mosaic", 0, &mosaic) == IMPASTO_CODE_OK);
    nothing_is_a_code();
    wrong_numbers_and_words_are_codes();
    layouts_agree();
    styles_are_taken_and_mixed();
    threads_may_share();
    impasto_style_free(waves);
    impasto_style_free(mosaic);
    impasto_stylizer_free(stylizer);
    puts("misuse: all passed");
    return 0;
}
