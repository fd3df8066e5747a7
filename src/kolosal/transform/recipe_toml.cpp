#include "kolosal/transform/recipe_toml.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "kolosal/core/error.hpp"
#include "kolosal/core/toml_library.hpp"
#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/recipe_internal.hpp"

namespace kolosal::transform {
namespace {

constexpr std::int64_t kVersion = 1;

// ---- writing --------------------------------------------------------------------------------------------

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + '"';
}

std::string quoted_list(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) (out += out.size() > 1 ? ", " : "") += quoted(text);
  return out + ']';
}

/// Shortest digits that give the same double again, and always a TOML float: 5.0, not 5.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::string out = fmt::format("{}", value);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

std::string value_text(const ParamValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quoted(*text);
  if (const auto* number = std::get_if<double>(&value)) return float_text(*number);
  return to_string(value);
}

std::string params_text(const ParamMap& params) {
  std::string out = "{";
  for (const auto& [name, value] : params)
    out += fmt::format("{} {} = {}", out.size() > 1 ? "," : "", name, value_text(value));
  return out + " }";
}

std::string step_text(const PlannedStep& step) {
  const StepSpec& spec = step.spec;
  std::string out = fmt::format("\n[[steps]]\nstep = {}\n", quoted(spec.name));
  if (!spec.select.names.empty())
    out += fmt::format("columns = {}\n", quoted_list(spec.select.names));
  else if (!spec.select.types.empty())
    out += fmt::format("columns = {}\n", quoted(spec.select.types));
  if (!spec.params.empty()) out += fmt::format("params = {}\n", params_text(spec.params));
  if (spec.select.keep) out += "keep = true\n";
  if (!step.reason.empty()) out += fmt::format("reason = {}\n", quoted(step.reason));
  return out;
}

// ---- reading --------------------------------------------------------------------------------------------

std::string_view kind_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

class Reader {
 public:
  Reader(std::string name, const StepCatalog& more) : name_(std::move(name)), more_(more) {}

  RecipePlan read(std::string_view text) const {
    const toml::table root = parse(text);
    check_keys(root, {"version", "target", "ignore", "notes", "steps"}, "a recipe");
    check_version(root);
    RecipePlan out;
    if (const toml::node* target = root.get("target")) out.target = text_of(*target, "target");
    if (const toml::node* ignore = root.get("ignore")) out.ignore = names_of(*ignore, "ignore");
    if (const toml::node* notes = root.get("notes")) out.notes = texts_of(*notes, "notes");
    const toml::node* steps = root.get("steps");
    if (!steps) refuse(root, "the recipe has no [[steps]]");
    const toml::array* list = steps->as_array();
    if (!list) refuse(*steps, "steps must be a list: each step starts with a line [[steps]]");
    for (const toml::node& step : *list) out.steps.push_back(read_step(step));
    return out;
  }

 private:
  template <typename... Args>
  [[noreturn]] void refuse(const toml::node& node, fmt::format_string<Args...> message,
                           Args&&... args) const {
    const std::string what = fmt::format(message, std::forward<Args>(args)...);
    throw Error(ErrorCode::kInvalidParameter, "{}:{}: {}", name_, std::max(1U, node.source().begin.line),
                what);
  }

  toml::table parse(std::string_view text) const {
    try {
      return toml::parse(text, name_);
    } catch (const toml::parse_error& e) {
      throw Error(ErrorCode::kInvalidParameter, "{}:{}:{}: not valid TOML: {}", name_, e.source().begin.line,
                  e.source().begin.column, e.description());
    }
  }

  void check_version(const toml::table& root) const {
    const toml::node* version = root.get("version");
    if (!version) return;
    const auto* number = version->as_integer();
    if (!number || number->get() < 1) refuse(*version, "version must be {}", kVersion);
    if (number->get() > kVersion)
      refuse(*version, "the recipe has version {}; this program reads up to {}", number->get(), kVersion);
  }

  void check_keys(const toml::table& table, const std::vector<std::string>& known,
                  std::string_view of) const {
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      if (std::ranges::find(known, name) != known.end()) continue;
      const std::string near = nearest_name(name, known);
      refuse(node, "{} has no key \"{}\"; {}", of, name,
             near.empty() ? fmt::format("there are {}", fmt::join(known, ", "))
                          : fmt::format("did you mean \"{}\"?", near));
    }
  }

  std::string text_of(const toml::node& node, std::string_view key) const {
    if (const auto* text = node.as_string()) return text->get();
    refuse(node, "{} must be a text, not {}", key, kind_name(node));
  }

  std::vector<std::string> texts_of(const toml::node& node, std::string_view key) const {
    const toml::array* list = node.as_array();
    if (!list) refuse(node, "{} must be a list of texts, not {}", key, kind_name(node));
    std::vector<std::string> out;
    for (const toml::node& item : *list) out.push_back(text_of(item, fmt::format("each of {}", key)));
    return out;
  }

  std::vector<std::string> names_of(const toml::node& node, std::string_view key) const {
    std::vector<std::string> out = texts_of(node, key);
    for (std::size_t i = 0; i < out.size(); ++i)
      if (std::find(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(i), out[i]) !=
          out.begin() + static_cast<std::ptrdiff_t>(i))
        refuse(*node.as_array()->get(i), "column \"{}\" is named twice", out[i]);
    return out;
  }

  PlannedStep read_step(const toml::node& node) const {
    const toml::table* table = node.as_table();
    if (!table) refuse(node, "a step must be a table, not {}", kind_name(node));
    const toml::node* name = table->get("step");
    if (!name) refuse(node, "a step needs its name: step = \"impute\"");
    PlannedStep out{StepSpec(text_of(*name, "step")), ""};
    out.spec.info = find_step(more_, out.spec.name);
    const TransformerInfo& info = info_of(*name, out.spec);
    out.spec.select.types = info.default_types;
    check_keys(*table, {"step", "columns", "params", "keep", "reason"}, "a step");
    if (const toml::node* columns = table->get("columns")) read_columns(*columns, out.spec.select);
    if (const toml::node* params = table->get("params")) read_params(*params, info, out.spec.params);
    if (const toml::node* reason = table->get("reason")) out.reason = text_of(*reason, "reason");
    if (const toml::node* keep = table->get("keep")) {
      const auto* flag = keep->as_boolean();
      if (!flag) refuse(*keep, "keep must be true or false, not {}", kind_name(*keep));
      out.spec.select.keep = flag->get();
    }
    return out;
  }

  const TransformerInfo& info_of(const toml::node& node, const StepSpec& spec) const {
    try {
      return spec.about();
    } catch (const Error& error) {
      std::vector<std::string> names;
      for (const auto& info : more_) names.push_back(info->name);
      const std::string near = nearest_name(spec.name, names);
      if (near.empty()) refuse(node, "{}", error.what());
      refuse(node, "there is no step \"{}\"; did you mean \"{}\"?", spec.name, near);
    }
  }

  void read_columns(const toml::node& node, Selector& out) const {
    if (node.is_array()) {
      out.names = names_of(node, "columns");
      if (out.names.empty()) refuse(node, "columns is an empty list; leave the step out instead");
      return;
    }
    if (!node.is_string())
      refuse(node, "columns must be types (\"numeric\") or a list of names ([\"age\"]), not {}",
             kind_name(node));
    out.types = node.as_string()->get();
    try {
      type_in_list(out.types, data::ColumnType::kBool);  // every word is checked
    } catch (const Error& error) {
      refuse(node, "columns: {}; column names stand in a list: [\"age\"]", error.what());
    }
    if (split_list(out.types).empty()) refuse(node, "columns is empty; leave the step out instead");
  }

  void read_params(const toml::node& node, const TransformerInfo& info, ParamMap& out) const {
    const toml::table* table = node.as_table();
    if (!table) refuse(node, "params must be a table such as {{ name = value }}, not {}", kind_name(node));
    std::vector<std::string> known;
    for (const ParamSpec& spec : info.params) known.push_back(spec.name);
    for (const auto& [key, value] : *table) {
      const std::string name(key.str());
      if (std::ranges::find(known, name) == known.end()) {
        const std::string near = nearest_name(name, known);
        refuse(value, "step {} has no parameter \"{}\"; {}", info.name, name,
               !near.empty()   ? fmt::format("did you mean \"{}\"?", near)
               : known.empty() ? std::string("it has none")
                               : fmt::format("there are {}", fmt::join(known, ", ")));
      }
      out[name] = value_of(value, info.name, name);
    }
    check_values(*table, info, out);
  }

  ParamValue value_of(const toml::node& node, const std::string& step, const std::string& param) const {
    if (const auto* flag = node.as_boolean()) return flag->get();
    if (const auto* integer = node.as_integer()) return integer->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* text = node.as_string()) return text->get();
    refuse(node, "step {}: {} must be a number, a text, true or false, not {}", step, param, kind_name(node));
  }

  /// Lets the step judge its parameters. An error is told at the line of the parameter that is wrong by
  /// itself, or of the whole when only their combination is.
  void check_values(const toml::table& table, const TransformerInfo& info, const ParamMap& params) const {
    const auto judge = [&](const ParamMap& some) -> std::optional<std::string> {
      try {
        info.make(some);
        return {};
      } catch (const Error& error) {
        return error.what();
      }
    };
    const auto problem = judge(params);
    if (!problem) return;
    for (const auto& [name, value] : params)
      if (const auto own = judge({{name, value}})) refuse(*table.get(name), "{}", *own);
    refuse(table, "{}", *problem);
  }

  std::string name_;
  const StepCatalog& more_;
};

}  // namespace

std::vector<StepSpec> RecipePlan::specs() const {
  std::vector<StepSpec> out;
  for (const PlannedStep& step : steps) out.push_back(step.spec);
  return out;
}

std::string to_toml(const RecipePlan& plan) {
  std::string out = fmt::format(
      "# A recipe of Kolosal: steps in their order, each fitted on what the steps before it made.\n"
      "version = {}\n",
      kVersion);
  if (!plan.target.empty()) out += fmt::format("target = {}\n", quoted(plan.target));
  if (!plan.ignore.empty()) out += fmt::format("ignore = {}\n", quoted_list(plan.ignore));
  if (!plan.notes.empty()) {
    out += "notes = [\n";
    for (const std::string& note : plan.notes) out += fmt::format("  {},\n", quoted(note));
    out += "]\n";
  }
  if (plan.steps.empty()) out += "steps = []\n";
  for (const PlannedStep& step : plan.steps) out += step_text(step);
  return out;
}

RecipePlan parse_recipe(std::string_view toml, const std::string& name, const StepCatalog& more) {
  return Reader(name, more).read(toml);
}

}  // namespace kolosal::transform
