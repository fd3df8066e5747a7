#include "kolosal/cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::cli {
namespace {

[[noreturn]] void refuse_word(const Command& command, const std::string& word) {
  if (!word.starts_with('-') || word == "-")
    throw Error(ErrorCode::kUsage, "kolosal {} does not take the argument \"{}\"; see: kolosal {} --help",
                command.name, word, command.name);
  std::vector<std::string> known = {"--help"};
  for (const Option& option : command.options) known.push_back(flag_name(option.spec.name));
  const std::string name = word.substr(0, word.find('='));
  std::string near = nearest_name(name, known);
  // "--out" is far from "--output" in edits, but it is how it begins.
  for (const std::string& flag : known)
    if (near.empty() && name.size() > 3 && flag.starts_with(name)) near = flag;
  throw Error(ErrorCode::kUsage, "unknown option {}{}", name,
              near.empty() ? fmt::format("; see: kolosal {} --help", command.name)
                           : fmt::format("; did you mean {}?", near));
}

}  // namespace

CommandLine parse_command_line(const Command& command, std::vector<std::string> words) {
  CommandLine out;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  const CLI::Option* help = app.add_flag("-h,--help");
  std::map<std::string, const CLI::Option*> options;
  for (const Option& option : command.options) {
    const std::string flag = flag_name(option.spec.name);
    if (option.spec.type == OptionType::kBool) {
      options[option.spec.name] = app.add_flag(flag)->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else {
      auto* added = app.add_option(flag)->type_size(1)->expected(1);
      options[option.spec.name] = added->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  try {
    std::ranges::reverse(words);  // CLI11 takes them from the back
    app.parse(std::move(words));
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view what = error.what();
    throw Error(ErrorCode::kUsage, "option {} needs a value; see: kolosal {} --help",
                what.substr(0, what.find(':')), command.name);
  } catch (const CLI::ParseError& error) {
    throw Error(ErrorCode::kUsage, "{}; see: kolosal {} --help", error.what(), command.name);
  }
  out.help = help->count() > 0;
  for (const auto& [name, option] : options)
    if (option->count() > 0) out.flags[name] = option->results();
  for (const std::string& word : app.remaining()) {
    if (out.help) break;
    if (word == "--") continue;
    const bool takes_it = command.positional && (!out.argument || !command.positional->more.empty());
    if (!takes_it || (word != "-" && word.starts_with('-'))) refuse_word(command, word);
    if (out.argument)
      out.more.push_back(word);
    else
      out.argument = word;
  }
  return out;
}

}  // namespace kolosal::cli
