#include "kolosal/cli/completion.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kolosal/cli/command.hpp"

namespace kolosal::cli {
namespace {

bool takes_file(const Option& option) { return option.value_name == "FILE" || option.value_name == "DIR"; }

/// For a text within single quotes.
std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// A description as zsh's _arguments takes it: brackets and colons end it.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string first_sentence(std::string_view text) {
  return std::string(text.substr(0, std::min(text.size(), text.find(". ") + 1)));
}

std::string command_names() {
  std::string out;
  for (const Command& command : commands()) out += (out.empty() ? "" : " ") + command.name;
  return out;
}

std::string bash_command(const Command& command) {
  std::string flags = "--help", with_values;
  std::string values;
  for (const Option& option : command.options) {
    const std::string flag = flag_name(option.spec.name);
    flags += ' ' + flag;
    if (option.spec.type == OptionType::kBool) continue;
    if (!option.spec.choices.empty())
      values += fmt::format("        {}) COMPREPLY=($(compgen -W {} -- \"$word\")); return ;;\n", flag,
                            single_quoted(fmt::format("{}", fmt::join(option.spec.choices, " "))));
    else if (takes_file(option))
      values += fmt::format("        {}) COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n", flag);
    else
      with_values += (with_values.empty() ? "" : "|") + flag;
  }
  std::string out = fmt::format("    {})\n      case \"$before\" in\n{}", command.name, values);
  if (!with_values.empty()) out += fmt::format("        {}) COMPREPLY=(); return ;;\n", with_values);
  out += "      esac\n";
  std::string words = flags;
  if (command.positional) words += fmt::format(" {}", fmt::join(command.positional->choices, " "));
  out += fmt::format("      COMPREPLY=($(compgen -W {} -- \"$word\"))\n", single_quoted(words));
  if (command.positional && command.positional->choices.empty())
    out += "      [[ $word == -* ]] || COMPREPLY+=($(compgen -f -- \"$word\"))\n";
  return out + "      ;;\n";
}

}  // namespace

std::string bash_completion() {
  std::string out =
      "# bash completion of kolosal: source <(kolosal completion bash)\n_kolosal() {\n"
      "  local word=\"${COMP_WORDS[COMP_CWORD]}\" before=\"${COMP_WORDS[COMP_CWORD-1]}\"\n";
  out += fmt::format(
      "  if ((COMP_CWORD == 1)); then\n    COMPREPLY=($(compgen -W {} -- \"$word\"))\n    return\n  fi\n",
      single_quoted(command_names() + " --help --version"));
  out += "  case \"${COMP_WORDS[1]}\" in\n";
  for (const Command& command : commands()) out += bash_command(command);
  return out + "  esac\n}\ncomplete -o filenames -F _kolosal kolosal\n";
}

std::string zsh_completion() {
  std::string out =
      "#compdef kolosal\n# zsh completion of kolosal: source <(kolosal completion zsh)\n_kolosal() {\n  "
      "local -a commands\n  commands=(\n";
  for (const Command& command : commands())
    out += fmt::format("    {}\n", single_quoted(command.name + ":" + zsh_text(command.summary)));
  out +=
      "  )\n  if ((CURRENT == 2)); then\n    _describe command commands\n    return\n  fi\n  case "
      "${words[2]} in\n";
  for (const Command& command : commands()) {
    out += fmt::format("    {})\n      shift words\n      ((CURRENT--))\n      _arguments", command.name);
    for (const Option& option : command.options) {
      std::string item =
          fmt::format("{}[{}]", flag_name(option.spec.name), zsh_text(first_sentence(option.spec.doc)));
      if (!option.spec.choices.empty())
        item += fmt::format(":value:({})", fmt::join(option.spec.choices, " "));
      else if (option.spec.type != OptionType::kBool)
        item += takes_file(option) ? ":file:_files" : ":" + zsh_text(option.value_name) + ": ";
      out += " \\\n        " + single_quoted(item);
    }
    if (command.positional)
      out += " \\\n        " +
             single_quoted(command.positional->choices.empty()
                               ? "1:file:_files"
                               : fmt::format("1:value:({})", fmt::join(command.positional->choices, " ")));
    out += "\n      ;;\n";
  }
  return out + "  esac\n}\ncompdef _kolosal kolosal\n";
}

std::string fish_completion() {
  std::string out =
      "# fish completion of kolosal: kolosal completion fish | source\ncomplete -c kolosal -f\n";
  for (const Command& command : commands())
    out += fmt::format("complete -c kolosal -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       single_quoted(command.summary));
  for (const Command& command : commands()) {
    const std::string when =
        fmt::format("complete -c kolosal -n '__fish_seen_subcommand_from {}'", command.name);
    for (const Option& option : command.options) {
      out += fmt::format("{} -l {} -d {}", when, flag_name(option.spec.name).substr(2),
                         single_quoted(first_sentence(option.spec.doc)));
      if (!option.spec.choices.empty())
        out +=
            fmt::format(" -x -a {}", single_quoted(fmt::format("{}", fmt::join(option.spec.choices, " "))));
      else if (option.spec.type != OptionType::kBool)
        out += takes_file(option) ? " -r -F" : " -x";
      out += '\n';
    }
    if (!command.positional) continue;
    out += command.positional->choices.empty()
               ? when + " -F\n"
               : fmt::format("{} -a {}\n", when,
                             single_quoted(fmt::format("{}", fmt::join(command.positional->choices, " "))));
  }
  return out;
}

}  // namespace kolosal::cli
