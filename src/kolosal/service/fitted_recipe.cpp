#include "kolosal/service/fitted_recipe.hpp"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "kolosal/artifact/atomic_file.hpp"
#include "kolosal/artifact/container.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/pipeline/learned_steps.hpp"
#include "kolosal/service/model_summary.hpp"

namespace kolosal::service {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kRecipeVersion = 1;

void require_file(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) throw Error(ErrorCode::kNotFound, "recipe not found: {}", path.string());
  if (fs::is_directory(path, error))
    throw Error(ErrorCode::kIo, "the recipe {} is a folder; give a file name", path.string());
}

}  // namespace

void FittedRecipe::write(const fs::path& path) const {
  artifact::ContainerWriter writer;
  writer.add_json("recipe", {{"toml", transform::to_toml(plan)}, {"rows", n_rows}}, kRecipeVersion);
  writer.add_json("schema", schema.to_json());
  artifact::Node state;
  recipe.save(state);
  writer.add_node("state", state);
  writer.write(path);
}

FittedRecipe FittedRecipe::open(const fs::path& path) {
  require_file(path);
  const auto container = artifact::Container::open(path);
  if (!container.has("recipe") || !container.has("state"))
    throw Error(ErrorCode::kModel, "{} is no fitted recipe{}; kolosal preprocess --save-recipe writes one",
                path.string(), container.has("model") ? " but a model, which kolosal predict takes" : "");
  FittedRecipe out;
  const nlohmann::json about = container.json("recipe", kRecipeVersion);
  try {
    out.plan = transform::parse_recipe(about.at("toml").get<std::string>(), path.string() + " (recipe)",
                                       pipeline::learned_steps());
    out.n_rows = about.at("rows").get<std::size_t>();
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorCode::kModel, "the recipe in {} can not be read: {}", path.string(), error.what());
  } catch (const Error& error) {
    throw Error(ErrorCode::kModel, "{}", error.what());
  }
  out.schema = data::Schema::from_json(container.json("schema"));
  out.recipe = transform::Recipe::load(container.node("state"), pipeline::learned_steps());
  return out;
}

bool is_container(const fs::path& path) {
  require_file(path);
  std::ifstream file(path, std::ios::binary);
  std::array<char, 7> start{};
  return file.read(start.data(), start.size()) && std::string_view(start.data(), start.size()) == "KOLOSAL";
}

transform::RecipePlan read_plan(const fs::path& path) {
  require_file(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kIo, "the recipe {} can not be read", path.string());
  std::ostringstream text;
  if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  return transform::parse_recipe(text.str(), path.string(), pipeline::learned_steps());
}

void save_recipe(const FittedRecipe& fitted, const fs::path& path) {
  const std::string toml = transform::to_toml(fitted.plan);
  fitted.write(fs::path(path).replace_extension(".kolosal"));
  artifact::write_file_atomically(fs::path(path).replace_extension(".toml"),
                                  std::as_bytes(std::span(toml.data(), toml.size())));
}

nlohmann::json describe_recipe(const fs::path& path) {
  const FittedRecipe fitted = FittedRecipe::open(path);
  nlohmann::json out = {{"kind", "recipe"}, {"rows", fitted.n_rows}, {"steps", fitted.recipe.to_json()}};
  if (!fitted.plan.target.empty()) out["target"] = fitted.plan.target;
  for (std::size_t i = 0; i < fitted.plan.steps.size(); ++i) {
    auto& step = out["steps"][i];
    const auto* done = fitted.recipe.fitted_step(i);
    step["fitted_on"] = done ? done->input_columns() : std::vector<std::string>();
    if (!fitted.plan.steps[i].reason.empty()) step["reason"] = fitted.plan.steps[i].reason;
  }
  auto& columns = out["columns"] = nlohmann::json::array();
  for (const data::Field& field : fitted.schema.fields()) columns.push_back(describe_field(field));
  return out;
}

}  // namespace kolosal::service
