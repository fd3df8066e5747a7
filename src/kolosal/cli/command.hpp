#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/config.hpp"

namespace kolosal::cli {

/// An option of a command: its declaration, and what only the command line needs to know.
struct Option {
  OptionSpec spec;
  std::string value_name;  ///< In the help: "FILE", "COLUMN". Empty: follows from the type.
  bool is_required = false;

  Option required() && {
    is_required = true;
    return std::move(*this);
  }
  Option choices(std::vector<std::string> values) && {
    spec.choices = std::move(values);
    return std::move(*this);
  }
  Option at_least(double minimum) && {
    spec.minimum = minimum;
    return std::move(*this);
  }
};

// Makers, by type. `name` is snake_case: key of the TOML file, flag and environment variable follow from it.
Option flag_option(std::string name, std::string doc);
Option text_option(std::string name, std::string value_name, std::string doc, ConfigValue value = {});
Option list_option(std::string name, std::string value_name, std::string doc);
Option integer_option(std::string name, std::string doc, ConfigValue value = {});
Option number_option(std::string name, std::string value_name, std::string doc, ConfigValue value = {});
Option duration_option(std::string name, std::string doc, ConfigValue value = {});
Option bytes_option(std::string name, std::string doc);

/// The argument without a dash that a command may take, and those after it.
struct Positional {
  std::string name;  ///< "FILE"
  std::string doc;
  bool is_required = false;
  std::vector<std::string> choices;  ///< Empty: a file.
  std::string more = {};             ///< Name of any further arguments: "RUN". Empty: there are none.
};

struct Example {
  std::string command;
  std::string doc;
};

/// What a command is called with.
struct Invocation {
  Config config;
  std::optional<std::string> argument;  ///< The positional one.
  std::vector<std::string> more;        ///< Those after it.
};

/// A command of the program. Parser, help, completion, man page and --print-config all come from this
/// declaration.
struct Command {
  std::string name;
  std::string summary;      ///< One line.
  std::string description;  ///< Some sentences.
  std::vector<Option> options;
  std::optional<Positional> positional;
  std::vector<Example> examples;
  int (*run)(const Invocation& invocation) = nullptr;  ///< Returns the exit code.

  const Option* find(std::string_view option) const;
  std::vector<OptionSpec> specs() const;
};

/// All commands. The folder commands/ is the list.
const std::vector<Command>& commands();
/// @throws Error kUsage naming the nearest.
const Command& command_for(std::string_view name);

/// "FILE", "SECONDS", "auto|binary|multiclass"; "" for a flag.
std::string value_text(const Option& option);

}  // namespace kolosal::cli
