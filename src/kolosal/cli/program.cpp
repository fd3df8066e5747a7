#include "kolosal/cli/program.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <nlohmann/json.hpp>

#include "kolosal/cli/command_line.hpp"
#include "kolosal/cli/help.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/core/error.hpp"
#include "kolosal/core/log.hpp"
#include "kolosal/core/passwords.hpp"
#include "kolosal/core/version.hpp"

namespace kolosal::cli {
namespace {

Config read_config(const Command& command, const CommandLine& line) {
  ConfigSources sources;
  sources.section = command.name;
  for (const Command& other : commands())
    if (other.name != command.name) sources.other_sections.push_back(other.name);
  sources.environment = [](const char* name) -> const char* { return std::getenv(name); };
  sources.flags = line.flags;
  if (const auto file = line.flags.find("config"); file != line.flags.end())
    sources.file = file->second.back();
  else if (const char* named = std::getenv("KOLOSAL_CONFIG"); named && *named)
    sources.file = named;
  return Config::merge(command.specs(), sources);
}

void check_required(const Command& command, const Invocation& invocation) {
  for (const Option& option : command.options)
    if (option.is_required && !invocation.config.is_set(option.spec.name))
      throw Error(ErrorCode::kUsage, "kolosal {} needs {} {}; see: kolosal {} --help", command.name,
                  flag_name(option.spec.name), value_text(option), command.name);
  if (command.positional && command.positional->is_required && !invocation.argument)
    throw Error(ErrorCode::kUsage, "kolosal {} needs {}; see: kolosal {} --help", command.name,
                command.positional->name, command.name);
  const auto& argument = invocation.argument;
  if (!argument || command.positional->choices.empty()) return;
  const auto& choices = command.positional->choices;
  if (std::ranges::find(choices, *argument) == choices.end())
    throw Error(ErrorCode::kUsage, "{} must be one of {}, not \"{}\"", command.positional->name,
                fmt::join(choices, ", "), *argument);
}

int run_command(const Command& command, std::vector<std::string> words) {
  const CommandLine line = parse_command_line(command, std::move(words));
  if (line.help) {
    print_result(command_help(command));
    return 0;
  }
  Invocation invocation{read_config(command, line), line.argument, line.more};
  if (invocation.config.flag("print_config")) {
    if (invocation.config.flag("json"))
      print_json(invocation.config.to_json());
    else
      print_result(invocation.config.to_toml());
    return 0;
  }
  check_required(command, invocation);
  log::configure({.level = log::level_from_name(invocation.config.text("log_level")),
                  .format = log::format_from_name(invocation.config.text("log_format")),
                  .write = {}});
  return command.run(invocation);
}

int dispatch(std::vector<std::string> words) {
  if (words.empty()) {
    talk(program_help());
    return exit_code(ErrorCode::kUsage);
  }
  const std::string first = words.front();
  words.erase(words.begin());
  if (first == "--version" || first == "-V") {
    print_result(fmt::format("kolosal {}\n", kVersion));
    return 0;
  }
  if (first == "--help" || first == "-h" || (first == "help" && words.empty())) {
    print_result(program_help());
    return 0;
  }
  if (first == "help") return run_command(command_for(words.front()), {"--help"});
  if (first.starts_with('-'))
    throw Error(ErrorCode::kUsage, "unknown option {}; a command comes first, see: kolosal --help", first);
  return run_command(command_for(first), std::move(words));
}

int report_error(std::string_view name, std::string_view what, int code, bool as_json) {
  const std::string message = without_passwords(what);  // it may repeat a word of the command line
  if (as_json) {
    const nlohmann::json error = {{"error", {{"code", name}, {"message", message}}}};
    talk(error.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    talk("error: " + message);
  }
  return code;
}

int report(const Error& error, bool as_json) {
  return report_error(error_name(error.code()), error.what(), exit_code(error.code()), as_json);
}

}  // namespace

int run_program(std::vector<std::string> words) {
  const bool as_json = std::ranges::find(words, "--json") != words.end();
  try {
    return dispatch(std::move(words));
  } catch (const Error& error) {
    return report(error, as_json);
  } catch (const std::bad_alloc&) {
    return report({ErrorCode::kMemory,
                   "the system has no memory left; use fewer rows or columns, or a machine with more"},
                  as_json);
  } catch (const std::filesystem::filesystem_error& error) {
    return report({ErrorCode::kIo, std::string(error.what())}, as_json);
  } catch (const std::exception& error) {
    return report({ErrorCode::kInternal, "{} (this is a bug of kolosal)", error.what()}, as_json);
  }
}

}  // namespace kolosal::cli
