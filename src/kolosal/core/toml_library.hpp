#pragma once

// toml++ as the sources that read TOML include it: all alike, and no header does.

// Its assertions are wrong about bad input ("[=" is the user's mistake, which the parser reports two lines
// further down), so they must not end the program in builds that keep assertions.
#define TOML_ASSERT(expression) static_assert(true)
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>
