#include <cstdlib>

#include "fuzz_target.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/transform/recipe_toml.hpp"

using namespace kolosal;

// Reads a recipe; what was read is read again from what is written of it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t n_bytes) {
  try {
    const auto plan = transform::parse_recipe({reinterpret_cast<const char*>(data), n_bytes}, "fuzz");
    const std::string text = transform::to_toml(plan);
    if (transform::to_toml(transform::parse_recipe(text, "again")) != text) std::abort();
  } catch (const Error& error) {
    if (std::string_view(error.what()).starts_with("again")) std::abort();
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {R"(version = 1
target = "y"
ignore = ["id", 'a "quoted" name']
notes = ["why"]
[[steps]]
step = "impute"
columns = "numeric,bool"
params = { strategy = "median", indicator = true }
reason = "some are missing"
[[steps]]
step = "scale"
columns = ["age"]
keep = true
[steps.params]
clip = 1e3
)",
          "\xc9\xaa = 1\n", "steps = []\n", "[[steps]]\nstep = \"one_hot\"\nparams = { dense = true, min_frequency = 5 }\n"};
}
