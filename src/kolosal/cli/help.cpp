#include "kolosal/cli/help.hpp"

#include <algorithm>
#include <variant>

#include "kolosal/core/error.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::cli {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kDocColumn = 32;
constexpr std::string_view kSummary = "Kolosal AutoML: a table becomes a model.";

constexpr std::string_view kExitCodes =
    "0 done; 2 wrong usage or parameter; 3 the data or a file can not be used; 4 the model file can not be "
    "used; 5 the memory or "
    "time given is too little; 6 stopped by Ctrl-C with a usable model written; 70 a bug of kolosal";

/// Words of `text` in lines that fit, each indented; the first line goes on where the cursor is.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t column) {
  std::string out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (column > indent && column + 1 + word.size() > kWidth) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

std::string usage(const Command& command) {
  std::string out = "kolosal " + command.name;
  if (command.positional)
    out += command.positional->is_required ? ' ' + command.positional->name
                                           : " [" + command.positional->name + "]";
  if (command.positional && !command.positional->more.empty())
    out += fmt::format(" [{}...]", command.positional->more);
  for (const Option& option : command.options)
    if (option.is_required) out += fmt::format(" {} {}", flag_name(option.spec.name), value_text(option));
  return out + " [options]";
}

std::string default_text(const Option& option) {
  if (option.spec.type == OptionType::kBool) return "";
  const ConfigValue& value = option.spec.default_value;
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  return "";
}

std::string with_default(const Option& option) {
  const std::string value = default_text(option);
  return value.empty() ? option.spec.doc : fmt::format("{} Default: {}.", option.spec.doc, value);
}

std::string option_lines(const Option& option) {
  std::string out = "  " + flag_name(option.spec.name);
  const std::string value = value_text(option);
  if (!value.empty()) out += ' ' + value;
  if (out.size() + 2 > kDocColumn) {
    out += '\n' + std::string(kDocColumn, ' ');
  } else {
    out.resize(kDocColumn, ' ');
  }
  return out + wrapped(with_default(option), kDocColumn, kDocColumn) + '\n';
}

/// Text in a manual page: backslashes and dashes are special, and so is a point or quote at the start of a
/// line.
std::string roff(std::string_view text) {
  std::string out;
  if (text.starts_with('.') || text.starts_with('\'')) out = "\\&";
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string program_help() {
  std::string out = fmt::format("{}\n\nusage: kolosal COMMAND [options]\n\ncommands:\n", kSummary);
  for (const Command& command : commands()) out += fmt::format("  {:<12}{}\n", command.name, command.summary);
  out +=
      "\noptions:\n  --version   Print the version.\n  --help      Print this, or the help of a "
      "command.\n\nexamples:\n";
  for (const Command& command : commands())
    if (!command.examples.empty() && command.name != "completion")
      out += fmt::format("  {}\n", command.examples.front().command);
  out += "\nEach command tells more: kolosal train --help\n";
  return out;
}

std::string command_help(const Command& command) {
  std::string out = fmt::format("{}\n\nusage: {}\n\n", command.summary, usage(command));
  out += wrapped(command.description, 0, 0) + '\n';
  if (command.positional) {
    std::string line = "  " + command.positional->name;
    line.resize(std::max(kDocColumn, line.size() + 2), ' ');
    out += "\nargument:\n" + line + wrapped(command.positional->doc, kDocColumn, kDocColumn) + '\n';
  }
  out += "\noptions:\n";
  for (const Option& option : command.options) out += option_lines(option);
  out += "  --help" + std::string(kDocColumn - 8, ' ') + "Print this.\n";
  out += "\nexamples:\n";
  for (const Example& example : command.examples)
    out += fmt::format("  {}\n      {}\n", example.command, example.doc);
  out += '\n';
  out += wrapped(
      "Each option is also a key of the --config file (time_budget) and an environment variable "
      "(KOLOSAL_TIME_BUDGET).",
      0, 0);
  out += "\nexit codes: ";
  out += wrapped(kExitCodes, 0, 12);
  out += '\n';
  return out;
}

std::string man_page() {
  std::string out =
      fmt::format(".TH KOLOSAL 1 \"\" \"kolosal {}\" \"User Commands\"\n.SH NAME\nkolosal \\- {}\n", kVersion,
                  roff(kSummary));
  out += ".SH SYNOPSIS\n.B kolosal\n.I COMMAND\n[options]\n.SH COMMANDS\n";
  for (const Command& command : commands()) {
    out += fmt::format(".SS {}\n.B {}\n.PP\n{}\n", roff(command.name), roff(usage(command)),
                       roff(command.description));
    if (command.positional)
      out += fmt::format(".TP\n.I {}\n{}\n", roff(command.positional->name), roff(command.positional->doc));
    for (const Option& option : command.options) {
      const std::string value = value_text(option);
      out += fmt::format(".TP\n\\fB{}\\fR{}\n{}\n", roff(flag_name(option.spec.name)),
                         value.empty() ? "" : fmt::format(" \\fI{}\\fR", roff(value)),
                         roff(with_default(option)));
    }
    if (!command.examples.empty()) out += ".PP\nExamples:\n";
    for (const Example& example : command.examples)
      out += fmt::format(".TP\n.B {}\n{}\n", roff(example.command), roff(example.doc));
  }
  out +=
      ".SH CONFIGURATION\nEach option is also a key of the TOML file given by \\fB\\-\\-config\\fR "
      "(time_budget, at the top or in the "
      "table of the command) and an environment variable (KOLOSAL_TIME_BUDGET). Flags win over the "
      "environment, the environment "
      "over the file.\n";
  out += fmt::format(".SH EXIT STATUS\n{}\n", roff(kExitCodes));
  return out;
}

}  // namespace kolosal::cli
