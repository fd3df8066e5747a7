#include "kolosal/cli/command.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::cli {

#define KOLOSAL_PLUGIN(name) Command name##_command();
#include "kolosal/cli/commands_catalog.inc"
#undef KOLOSAL_PLUGIN

namespace {

Option make_option(std::string name, OptionType type, std::string value_name, std::string doc,
                   ConfigValue value) {
  return {{std::move(name), type, std::move(doc), std::move(value), {}, {}, {}}, std::move(value_name)};
}

/// The order in which people meet the commands; others follow by name.
int rank(const Command& command) {
  constexpr std::string_view kOrder[] = {"train", "predict", "evaluate", "preprocess", "info", "convert"};
  return static_cast<int>(std::ranges::find(kOrder, command.name) - std::begin(kOrder));
}

/// Options that every command has.
std::vector<Option> common_options() {
  return {
      text_option("config", "FILE",
                  "TOML file with values for these options; flags and environment win over it."),
      flag_option("print_config", "Print the settings and where each comes from, and do nothing else."),
      flag_option("json", "Results (and errors) as JSON."),
      text_option("log_level", "", "Messages of the engine on stderr.", std::string("warning"))
          .choices({"debug", "info", "warning", "error", "off"}),
      text_option("log_format", "", "How those are written.", std::string("text")).choices({"text", "json"}),
  };
}

}  // namespace

Option flag_option(std::string name, std::string doc) {
  return make_option(std::move(name), OptionType::kBool, "", std::move(doc), false);
}
Option text_option(std::string name, std::string value_name, std::string doc, ConfigValue value) {
  return make_option(std::move(name), OptionType::kText, std::move(value_name), std::move(doc),
                     std::move(value));
}
Option list_option(std::string name, std::string value_name, std::string doc) {
  return make_option(std::move(name), OptionType::kList, std::move(value_name), std::move(doc), {});
}
Option integer_option(std::string name, std::string doc, ConfigValue value) {
  return make_option(std::move(name), OptionType::kInteger, "N", std::move(doc), std::move(value));
}
Option number_option(std::string name, std::string value_name, std::string doc, ConfigValue value) {
  return make_option(std::move(name), OptionType::kNumber, std::move(value_name), std::move(doc),
                     std::move(value));
}
Option duration_option(std::string name, std::string doc, ConfigValue value) {
  return make_option(std::move(name), OptionType::kDuration, "SECONDS", std::move(doc), std::move(value));
}
Option bytes_option(std::string name, std::string doc) {
  return make_option(std::move(name), OptionType::kBytes, "BYTES", std::move(doc), {});
}

const Option* Command::find(std::string_view option) const {
  const auto found =
      std::ranges::find(options, option, [](const Option& o) -> std::string_view { return o.spec.name; });
  return found == options.end() ? nullptr : &*found;
}

std::vector<OptionSpec> Command::specs() const {
  std::vector<OptionSpec> out;
  for (const Option& option : options) out.push_back(option.spec);
  return out;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> out;
#define KOLOSAL_PLUGIN(name) out.push_back(name##_command());
#include "kolosal/cli/commands_catalog.inc"
#undef KOLOSAL_PLUGIN
    for (Command& command : out) std::ranges::move(common_options(), std::back_inserter(command.options));
    std::ranges::stable_sort(out, {}, rank);
    return out;
  }();
  return all;
}

const Command& command_for(std::string_view name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (command.name == name) return command;
    names.push_back(command.name);
  }
  const std::string near = nearest_name(name, names);
  throw Error(ErrorCode::kUsage, "unknown command \"{}\"; {}", name,
              near.empty() ? fmt::format("there are {}", fmt::join(names, ", "))
                           : fmt::format("did you mean \"{}\"?", near));
}

std::string value_text(const Option& option) {
  if (option.spec.type == OptionType::kBool) return "";
  if (!option.spec.choices.empty()) return fmt::format("{}", fmt::join(option.spec.choices, "|"));
  return option.value_name;
}

}  // namespace kolosal::cli
