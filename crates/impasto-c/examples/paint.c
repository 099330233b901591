/* Paints a picture in a built-in style and writes both as PPM files:
 *
 *     cargo build --release -p impasto-c
 *     cc -Iinclude examples/paint.c -L../../target/release -limpasto_c -Wl,-rpath,../../target/release -o paint
 *     ./paint waves
 */
#include "impasto.h"

#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 161, HEIGHT = 120 };

static void check(ImpastoCode code) {
    if (code != IMPASTO_CODE_OK) {
        fprintf(stderr, "error %d: %s\n", (int)code, impasto_error());
        exit(1);
    }
}

/* A bright disc before a gradient. */
static void draw(uint8_t *rgb) {
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++, rgb += 3) {
            int inside = (x - 70) * (x - 70) + (y - 60) * (y - 60) < 1600;
            rgb[0] = inside ? 240 : x;
            rgb[1] = inside ? 200 : 2 * y;
            rgb[2] = inside ? 40 : 120;
        }
    }
}

static void save(const char *file, const uint8_t *rgb) {
    FILE *out = fopen(file, "wb");
    if (!out || fprintf(out, "P6 %d %d 255\n", WIDTH, HEIGHT) < 0 || fwrite(rgb, 3 * WIDTH, HEIGHT, out) != HEIGHT ||
        fclose(out)) {
        perror(file);
        exit(1);
    }
}

int main(int count, char **words) {
    static uint8_t photo[3 * WIDTH * HEIGHT], painted[3 * WIDTH * HEIGHT];
    draw(photo);

    ImpastoStylizer *stylizer;
    check(impasto_stylizer_new(NULL, "cpu", 0, &stylizer));
    ImpastoStyle *style;
    check(impasto_style_read(stylizer, count > 1 ? words[1] : "waves", 512, &style));

    ImpastoPicture from = {photo, WIDTH, HEIGHT, 0, IMPASTO_FORMAT_RGB8};
    ImpastoPicture to = {painted, WIDTH, HEIGHT, 0, IMPASTO_FORMAT_RGB8};
    ImpastoDials dials = impasto_dials();
    dials.keep_color = 0.2f;
    check(impasto_paint(stylizer, style, &dials, &from, &to));
    save("photo.ppm", photo);
    save("painted.ppm", painted);
    printf("Impasto %s painted on %s\n", impasto_version(), impasto_stylizer_engine(stylizer));

    impasto_style_free(style);
    impasto_stylizer_free(stylizer);
    return 0;
}
