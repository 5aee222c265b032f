/* Starts the agent inside the interpreter of the package.
 *
 * The executable is a CPython that was linked statically for an old glibc, with a `main` of its
 * own that we don't want. This library is the first that the executable needs, so its
 * __libc_start_main is found before libc's: it passes another `main` on. Nothing of libc is linked
 * here: references without a version fit every glibc, so a build on a new system runs on an old one.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define RTLD_NEXT ((void *)-1l)
#define LONGEST 4096

typedef int (*Main)(int, char **, char **);
typedef int (*Start)(Main, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

extern void *dlsym(void *, const char *);
extern ssize_t readlink(const char *, char *, size_t);
extern ssize_t write(int, const void *, size_t);

static int fail(const char *sentence)
{
    size_t length = 0;
    while (sentence[length] != '\0')
        length++;
    ssize_t written = write(2, sentence, length);
    (void)written;
    return 2;
}

/* The path of a file below the package's folder, as Python's own text. */
static PyStatus set_path(PyConfig *config, wchar_t **field, char *path, size_t folder,
                         const char *below)
{
    size_t length = 0;
    for (; below[length] != '\0'; length++)
        path[folder + length] = below[length];
    path[folder + length] = '\0';
    return PyConfig_SetBytesString(config, field, path);
}

static PyStatus configure(PyConfig *config, int count, char **arguments, char *path, size_t folder)
{
    PyStatus status = PyConfig_SetBytesArgv(config, count, arguments);
    if (PyStatus_Exception(status))
        return status;
    wchar_t **home[] = {&config->home, &config->prefix, &config->base_prefix,
                        &config->exec_prefix, &config->base_exec_prefix};
    for (size_t each = 0; each < sizeof home / sizeof home[0]; each++) {
        status = set_path(config, home[each], path, folder, "");
        if (PyStatus_Exception(status))
            return status;
    }
    wchar_t **program[] = {&config->program_name, &config->executable, &config->base_executable};
    for (size_t each = 0; each < sizeof program / sizeof program[0]; each++) {
        status = set_path(config, program[each], path, folder, "/xunjian-agent");
        if (PyStatus_Exception(status))
            return status;
    }
    wchar_t *library = NULL;
    status = set_path(config, &library, path, folder, "/lib/python311.zip");
    if (PyStatus_Exception(status))
        return status;
    status = PyWideStringList_Append(&config->module_search_paths, library);
    PyMem_RawFree(library);
    return status;
}

static int run(int count, char **arguments, char **environment)
{
    (void)environment;
    static char path[LONGEST + 64];
    ssize_t length = readlink("/proc/self/exe", path, LONGEST);
    if (length <= 0 || length >= LONGEST)
        return fail("xunjian-agent: /proc/self/exe can't be read: mount /proc.\n");
    while (length > 0 && path[length] != '/')
        length--;
    PyPreConfig before;
    PyPreConfig_InitIsolatedConfig(&before);
    before.utf8_mode = 1;
    PyStatus status = Py_PreInitialize(&before);
    if (PyStatus_Exception(status))
        return fail("xunjian-agent: Python can't be prepared.\n");
    PyConfig config;
    PyConfig_InitIsolatedConfig(&config);
    config.install_signal_handlers = 1;
    config.module_search_paths_set = 1;
    config.parse_argv = 0;
    config.pathconfig_warnings = 0;
    config.site_import = 0;
    config.write_bytecode = 0;
    status = configure(&config, count, arguments, path, (size_t)length);
    if (!PyStatus_Exception(status))
        status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    if (PyStatus_Exception(status))
        return fail("xunjian-agent: Python can't start: the package is not complete.\n");
    PyObject *started = PyImport_ImportModule("xunjian_start");
    if (started == NULL)
        PyErr_Print(); /* Ends the process, with the agent's exit code. */
    Py_XDECREF(started);
    return Py_FinalizeEx() < 0 ? 1 : 0;
}

int __libc_start_main(Main main, int count, char **arguments, void (*init)(void),
                      void (*fini)(void), void (*end)(void), void *stack)
{
    (void)main;
    Start start = (Start)dlsym(RTLD_NEXT, "__libc_start_main");
    return start(run, count, arguments, init, fini, end, stack);
}
