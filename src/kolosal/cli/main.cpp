#include "kolosal/cli/program.hpp"

int main(int argc, char** argv) { return kolosal::cli::run_program({argv + 1, argv + argc}); }
