/* Impasto as a frei0r filter: for ffmpeg, MLT (Kdenlive, Shotcut), GStreamer and all others that load frei0r plug-ins.
 *
 *     ffmpeg -i film.mp4 -vf frei0r=impasto:waves painted.mp4
 *
 * frei0r has no way to report an error. Where a style cannot be had, one line on standard error says why, and frames pass
 * unpainted. Frames have no stride either: widths should be multiples of 8, and ffmpeg pads the rows of those that are not multiples
 * of 4, which no plug-in can know. Such a width is refused.
 */
#include "frei0r.h"
#include "impasto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STYLE, STRENGTH, KEEP_COLOR, STEADY, STROKES, PARAMETERS };

static const f0r_param_info_t parameters[PARAMETERS] = {
    {"style", F0R_PARAM_STRING, "A built-in name such as waves, or the path of a .style file or of a painting"},
    {"strength", F0R_PARAM_DOUBLE, "How much of the style"},
    {"keep color", F0R_PARAM_DOUBLE, "How much of the film's own colours"},
    {"steady", F0R_PARAM_DOUBLE, "How calm the painting is kept from frame to frame"},
    {"strokes", F0R_PARAM_DOUBLE, "How strong strokes are on flat ground; 0.5 is usual"},
};

/* The shorter side to which a painting is brought, as the program does. */
enum { STYLE_PX = 512 };
/* Of such widths hosts leave no gaps between rows. */
enum { WIDTH_STEP = 4 };

typedef struct {
    unsigned int width, height;
    ImpastoSession *session;
    ImpastoStyle *style; /* NULL while there is none */
    char *word;          /* the style that is wanted */
    int stale;           /* whether `style` is not yet that of `word` */
    int told;            /* whether the last failure was reported */
    ImpastoDials dials;
} Filter;

static ImpastoStylizer *stylizer;

static void report(const char *what) { fprintf(stderr, "frei0r impasto: %s: %s\n", what, impasto_error()); }

int f0r_init(void) {
    if (impasto_stylizer_new(NULL, "auto", 0, &stylizer) != IMPASTO_CODE_OK) {
        report("cannot begin");
        return 0;
    }
    return 1;
}

void f0r_deinit(void) {
    impasto_stylizer_free(stylizer);
    stylizer = NULL;
}

void f0r_get_plugin_info(f0r_plugin_info_t *info) {
    info->name = "Impasto";
    info->author = "The Impasto authors";
    info->plugin_type = F0R_PLUGIN_TYPE_FILTER;
    info->color_model = F0R_COLOR_MODEL_RGBA8888;
    info->frei0r_version = FREI0R_MAJOR_VERSION;
    info->major_version = 0;
    info->minor_version = 1;
    info->num_params = PARAMETERS;
    info->explanation = "Paints in the style of any painting";
}

void f0r_get_param_info(f0r_param_info_t *info, int index) {
    if (index >= 0 && index < PARAMETERS) {
        *info = parameters[index];
    }
}

static char *copy(const char *text) {
    char *copied = malloc(strlen(text) + 1);
    return copied ? strcpy(copied, text) : NULL;
}

f0r_instance_t f0r_construct(unsigned int width, unsigned int height) {
    if (width % WIDTH_STEP != 0) {
        fprintf(stderr,
                "frei0r impasto: frames of %ux%u px: frei0r takes widths that are multiples of 8; put a filter such as "
                "scale=trunc(iw/8)*8:ih before this one\n",
                width, height);
        return NULL;
    }
    Filter *filter = calloc(1, sizeof *filter);
    if (!filter) {
        return NULL;
    }
    filter->width = width;
    filter->height = height;
    filter->word = copy(impasto_builtin_name(0));
    filter->stale = 1;
    filter->dials = impasto_dials();
    if (!filter->word || impasto_session_new(stylizer, &filter->session) != IMPASTO_CODE_OK) {
        report("cannot begin");
        f0r_destruct(filter);
        return NULL;
    }
    return filter;
}

void f0r_destruct(f0r_instance_t instance) {
    Filter *filter = instance;
    if (filter) {
        impasto_session_free(filter->session);
        impasto_style_free(filter->style);
        free(filter->word);
        free(filter);
    }
}

/* The dial of a parameter, and the value of it that frei0r's 1 means. */
static float *dial(Filter *filter, int index, float *most) {
    *most = index == STROKES ? 2 : 1;
    switch (index) {
    case STRENGTH:
        return &filter->dials.strength;
    case KEEP_COLOR:
        return &filter->dials.keep_color;
    case STEADY:
        return &filter->dials.steady;
    case STROKES:
        return &filter->dials.strokes;
    default:
        return NULL;
    }
}

static void want(Filter *filter, const char *word) {
    char *copied = word && strcmp(word, filter->word) != 0 ? copy(word) : NULL;
    if (copied) {
        free(filter->word);
        filter->word = copied;
        filter->stale = 1;
    }
}

/* Some hosts go on with an instance that could not be made. */
void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
    if (!instance) {
        return;
    }
    float most, *turned = dial(instance, index, &most);
    if (turned) {
        double to = *(double *)value;
        *turned = (float)(to >= 0 ? to > 1 ? 1 : to : 0) * most;
    } else if (index == STYLE) {
        want(instance, *(char **)value);
    }
}

void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index) {
    if (!instance) {
        return;
    }
    float most, *turned = dial(instance, index, &most);
    if (turned) {
        *(double *)value = *turned / most;
    } else if (index == STYLE) {
        *(char **)value = ((Filter *)instance)->word;
    }
}

/* Reads the style that is wanted, at the first frame that needs it. */
static void refresh(Filter *filter) {
    if (!filter->stale) {
        return;
    }
    filter->stale = 0;
    filter->told = 0;
    impasto_style_free(filter->style);
    filter->style = NULL;
    if (impasto_style_read(stylizer, filter->word, STYLE_PX, &filter->style) != IMPASTO_CODE_OK) {
        report("frames pass unpainted");
    }
}

void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out) {
    Filter *filter = instance;
    (void)time;
    if (!filter) {
        return;
    }
    refresh(filter);
    /* The frame is only read. */
    ImpastoPicture frame = {(uint8_t *)(uintptr_t)in, filter->width, filter->height, 0, IMPASTO_FORMAT_RGBA8};
    ImpastoPicture painted = {(uint8_t *)out, filter->width, filter->height, 0, IMPASTO_FORMAT_RGBA8};
    if (filter->style &&
        impasto_session_paint(filter->session, filter->style, &filter->dials, &frame, &painted) == IMPASTO_CODE_OK) {
        return;
    }
    if (filter->style && !filter->told) {
        report("a frame passes unpainted");
        filter->told = 1;
    }
    memmove(out, in, (size_t)4 * filter->width * filter->height);
}
