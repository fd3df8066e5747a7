#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/automl/constraints.hpp"
#include "kolosal/automl/problem.hpp"

namespace kolosal::automl {

/// How much of the engine a run uses.
enum class Preset {
  kFast,      ///< One voice, refitted on all rows: small and quick to predict.
  kBalanced,  ///< Up to 5 voices.
  kBest,      ///< Up to 8 voices, and patience without end: the budget is used up.
};

/// @throws Error kInvalidParameter naming the presets.
Preset preset_from_name(std::string_view name);
std::string_view preset_name(Preset preset);

/// What the user asks of a run. Exactly one of time_budget_s and n_trials is set.
struct RunOptions {
  ProblemOptions problem;
  std::optional<double> time_budget_s;  ///< From process start to exit.
  std::optional<std::size_t> n_trials;  ///< Reproducible: same seed, same bytes.
  Preset preset = Preset::kBalanced;
  std::uint64_t seed = 0;
  std::optional<std::size_t> n_folds;  ///< Of the validation; 1: a hold-out. Unset: by the size of the table.
  std::optional<std::size_t> n_repeats;  ///< Of the folds, dealt anew.
  std::size_t n_nested = 0;              ///< Outer folds of a nested validation, see run_nested(); 0: none.
  std::size_t n_kept_rows = 0;           ///< Rows of the table that the model file keeps (kept_rows.hpp).
  bool distill = false;                  ///< One boosted forest that learns from the blend takes its place.
  Constraints constraints;
  /// How the rows of each class count while learners are fitted: none, search, balanced, sqrt, or a number
  /// for some classes, "yes=5,no=1" (class_weighting.hpp).
  std::string class_weight = "none";
  std::vector<std::string> exclude_models;  ///< registry names of learners
  std::filesystem::path output = "model.kolosal";
  std::filesystem::path run_dir;  ///< Empty: <output>.run, removed when the run ends well.
  bool resume = false;
  std::shared_ptr<const data::Frame>
      test_rows;                  ///< Without a target or with; compared with the training rows.
  std::filesystem::path history;  ///< Folder where what runs did is kept (RunHistory). Empty: nowhere.
  std::string server;      ///< postgresql://...: kept there instead; `history` gets what it did not take.
  std::string warm_start;  ///< A run of warm_start_history, or "auto" (make_warm_start()). Empty: none.
  std::filesystem::path
      warm_start_history;         ///< Where it is looked for, also when nothing is kept of this run.
  std::string warm_start_server;  ///< Or there.
  std::string data_name;          ///< For the model's lineage: the file's name, no folder.

  /// run_dir, or what stands for it.
  std::filesystem::path run_folder() const {
    return run_dir.empty() ? std::filesystem::path(output.string() + ".run") : run_dir;
  }
};

}  // namespace kolosal::automl
