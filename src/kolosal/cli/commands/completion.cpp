#include "kolosal/cli/completion.hpp"

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/help.hpp"
#include "kolosal/cli/output.hpp"

namespace kolosal::cli {
namespace {

int run_completion(const Invocation& invocation) {
  const std::string& shell = *invocation.argument;
  if (shell == "bash") print_result(bash_completion());
  if (shell == "zsh") print_result(zsh_completion());
  if (shell == "fish") print_result(fish_completion());
  if (shell == "man") print_result(man_page());
  return 0;
}

}  // namespace

Command completion_command() {
  return {
      .name = "completion",
      .summary = "Print a completion script for bash, zsh or fish, or the manual page.",
      .description = "The script completes commands, options and their values.",
      .options = {},
      .positional = Positional{"SHELL",
                               "bash, zsh or fish; man prints the manual page.",
                               true,
                               {"bash", "zsh", "fish", "man"}},
      .examples = {{"source <(kolosal completion bash)", "Completion in this shell."},
                   {"kolosal completion fish > ~/.config/fish/completions/kolosal.fish",
                    "Completion in every fish."},
                   {"kolosal completion man > ~/.local/share/man/man1/kolosal.1",
                    "The manual page, for man kolosal."}},
      .run = run_completion,
  };
}

}  // namespace kolosal::cli
