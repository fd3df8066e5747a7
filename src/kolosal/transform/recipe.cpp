#include "kolosal/transform/recipe.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "kolosal/transform/lazy_frame_internal.hpp"
#include "kolosal/transform/recipe_internal.hpp"

namespace kolosal::transform {
Recipe::Recipe(std::vector<StepSpec> steps) : specs_(std::move(steps)) {
  for (auto& spec : specs_) {
    const TransformerInfo& info = spec.about();
    if (spec.select.types.empty()) spec.select.types = info.default_types;
    info.make(spec.params);
  }
}

data::Frame Recipe::fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                  const data::TargetView& y, const Context& context) {
  fitted_ = false;
  fitted_steps_.clear();
  drift_ = nullptr;
  if (watch_drift_) {
    auto monitor = std::make_shared<DriftMonitor>();
    monitor->gather(x, rows, context);
    monitor->finish();
    drift_ = std::move(monitor);
  }
  LazyFrame frame(x);
  for (const auto& spec : specs_) {
    in_step(spec.name, [&] {
      const auto columns = spec.select.resolve(frame.frame());
      if (columns.empty()) {
        fitted_steps_.push_back(nullptr);
        return;
      }
      auto step = make_step(spec, frame.frame(), columns, max_features_);
      step->fit_transform(frame, rows, y, columns, context);
      fitted_steps_.push_back(std::move(step));
    });
  }
  fitted_ = true;
  return frame.compute_all(context);
}

data::Frame Recipe::transform(const data::Frame& x, const Context& context) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a recipe was used before fit_transform()");
  if (drift_) drift_->count(x, context);
  LazyFrame frame(x);
  for (std::size_t i = 0; i < specs_.size(); ++i)
    if (fitted_steps_[i]) in_step(specs_[i].name, [&] { fitted_steps_[i]->transform(frame, context); });
  return frame.compute_all(context);
}

data::Frame Recipe::inverse_transform(const data::Frame& x, const Context& context) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a recipe was used before fit_transform()");
  data::Frame frame = x;
  for (std::size_t i = specs_.size(); i-- > 0;)
    if (fitted_steps_[i])
      in_step(specs_[i].name, [&] { frame = fitted_steps_[i]->inverse_transform(frame, context); });
  return frame;
}

std::size_t Recipe::n_stateless_prefix() const {
  std::size_t n = 0;
  while (n < specs_.size() && specs_[n].make()->is_stateless()) ++n;
  return n;
}

bool Recipe::uses_target() const {
  return std::ranges::any_of(specs_, [](const StepSpec& spec) { return spec.make()->uses_target(); });
}

Recipe Recipe::part(std::size_t begin, std::size_t end) const {
  KOLOSAL_ASSERT(begin <= end && end <= specs_.size(), "a part lies within the recipe");
  Recipe out({specs_.begin() + static_cast<std::ptrdiff_t>(begin),
              specs_.begin() + static_cast<std::ptrdiff_t>(end)});
  out.max_features_ = max_features_;
  out.watch_drift_ = watch_drift_ && begin == 0;
  return out;
}

Recipe Recipe::join(const Recipe& head, const Recipe& tail) {
  if (!head.fitted_ || !tail.fitted_)
    throw Error(ErrorCode::kNotFitted, "recipes are joined before fit_transform()");
  Recipe out = head;
  out.specs_.insert(out.specs_.end(), tail.specs_.begin(), tail.specs_.end());
  out.fitted_steps_.insert(out.fitted_steps_.end(), tail.fitted_steps_.begin(), tail.fitted_steps_.end());
  return out;
}

void Recipe::save(artifact::Node& node) const {
  if (!fitted_) throw Error(ErrorCode::kNotFitted, "a recipe was saved before fit_transform()");
  node.set("n_steps", specs_.size());
  for (std::size_t i = 0; i < specs_.size(); ++i) {
    artifact::Node& child = node.add_child(fmt::format("step_{}", i));
    child.set("name", specs_[i].name);
    child.set("params", specs_[i].params);
    child.set("types", specs_[i].select.types);
    child.set("names", specs_[i].select.names);
    child.set("keep", specs_[i].select.keep);
    child.set("skipped", fitted_steps_[i] == nullptr);
    if (fitted_steps_[i]) fitted_steps_[i]->save(child.add_child("fitted"));
  }
  if (drift_) drift_->save(node.add_child("drift"));
}

Recipe Recipe::load(const artifact::Node& node, const StepCatalog& more) {
  const std::int64_t n_steps = node.get_int("n_steps");
  Recipe out;
  for (std::int64_t i = 0; i < n_steps; ++i) {
    const artifact::Node& child = node.child(fmt::format("step_{}", i));
    StepSpec spec(child.get_string("name"), child.get_params("params"),
                  {child.get_string("types"), child.get_strings("names"), child.get_bool("keep")});
    spec.info = find_step(more, spec.name);
    std::unique_ptr<Transformer> step;
    if (!child.get_bool("skipped")) {
      step = spec.make();
      step->load(child.child("fitted"));
    }
    out.specs_.push_back(std::move(spec));
    out.fitted_steps_.push_back(std::move(step));
  }
  if (node.has("drift")) out.drift_ = DriftMonitor::load(node.child("drift"));
  out.fitted_ = true;
  return out;
}

nlohmann::json Recipe::to_json() const {
  auto out = nlohmann::json::array();
  for (const auto& spec : specs_) {
    nlohmann::json step{{"step", spec.name}, {"params", kolosal::to_json(spec.params)}};
    if (spec.select.names.empty())
      step["columns"] = spec.select.types;
    else
      step["columns"] = spec.select.names;
    if (spec.select.keep) step["keep"] = true;
    out.push_back(std::move(step));
  }
  return out;
}

Recipe Recipe::from_json(const nlohmann::json& json) {
  if (!json.is_array())
    throw Error(ErrorCode::kInvalidParameter, "a recipe is a JSON array of steps, not {}", json.dump());
  std::vector<StepSpec> steps;
  for (const auto& item : json) {
    if (!item.is_object() || !item.contains("step") || !item["step"].is_string())
      throw Error(ErrorCode::kInvalidParameter, "a step of a recipe needs a \"step\" name: {}", item.dump());
    StepSpec spec(item["step"].get<std::string>());
    for (const auto& [key, value] : item.items()) {
      if (key == "params" && value.is_object())
        spec.params = params_from_json(value);
      else if (key == "columns" && value.is_string())
        spec.select.types = value.get<std::string>();
      else if (key == "columns" && value.is_array() &&
               std::ranges::all_of(value, [](const auto& v) { return v.is_string(); }))
        spec.select.names = value.get<std::vector<std::string>>();
      else if (key == "keep" && value.is_boolean())
        spec.select.keep = value.get<bool>();
      else if (key != "step")
        throw Error(ErrorCode::kInvalidParameter,
                    "step {}: \"{}\" must be params (an object), columns (types, or a list of names) or keep "
                    "(true or false), not {}",
                    spec.name, key, value.dump());
    }
    steps.push_back(std::move(spec));
  }
  return Recipe(std::move(steps));
}

}  // namespace kolosal::transform
