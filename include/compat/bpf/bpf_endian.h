/* libbpf's name for what skep/macros.h has. */
#include <skep/macros.h>
