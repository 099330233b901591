/* The part of the frei0r plug-in interface, version 1.2, that a filter needs; written after its public specification. */
#ifndef FREI0R_H
#define FREI0R_H

#include <stdint.h>

#if defined(_WIN32)
#define F0R_API __declspec(dllexport)
#else
#define F0R_API __attribute__((visibility("default")))
#endif

enum { FREI0R_MAJOR_VERSION = 1, F0R_PLUGIN_TYPE_FILTER = 0, F0R_COLOR_MODEL_RGBA8888 = 1 };
enum { F0R_PARAM_DOUBLE = 1, F0R_PARAM_STRING = 4 };

typedef struct {
    const char *name;
    const char *author;
    int plugin_type;
    int color_model;
    int frei0r_version;
    int major_version;
    int minor_version;
    int num_params;
    const char *explanation;
} f0r_plugin_info_t;

typedef struct {
    const char *name;
    int type;
    const char *explanation;
} f0r_param_info_t;

typedef void *f0r_instance_t;
/* Points to a double in 0..1, or to a char *. */
typedef void *f0r_param_t;

/* Once in a process, before and after all else; not 0 is success. */
F0R_API int f0r_init(void);
F0R_API void f0r_deinit(void);
F0R_API void f0r_get_plugin_info(f0r_plugin_info_t *info);
F0R_API void f0r_get_param_info(f0r_param_info_t *info, int index);
F0R_API f0r_instance_t f0r_construct(unsigned int width, unsigned int height);
F0R_API void f0r_destruct(f0r_instance_t instance);
F0R_API void f0r_set_param_value(f0r_instance_t instance, f0r_param_t value, int index);
/* A string stays the plug-in's. */
F0R_API void f0r_get_param_value(f0r_instance_t instance, f0r_param_t value, int index);
/* Frames are width * height pixels without gaps. */
F0R_API void f0r_update(f0r_instance_t instance, double time, const uint32_t *in, uint32_t *out);

#endif
