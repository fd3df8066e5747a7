#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "kolosal/automl/options.hpp"
#include "kolosal/automl/portfolio.hpp"
#include "kolosal/automl/run_store.hpp"
#include "kolosal/automl/views.hpp"
#include "kolosal/core/context.hpp"

namespace kolosal::automl {

/// What earlier runs found best, to be tried early.
struct WarmStart {
  std::vector<Candidate> candidates;  ///< Best first; labels tell the run and the trial.
  std::vector<std::string> runs;      ///< They come from these.
  std::vector<std::string> notes;     ///< For the user: which runs, how near, what they give.
  std::vector<std::pair<Candidate, std::string>> left_out;  ///< And why.
};

/// The table that a warm start is for.
struct WarmTable {
  const TableShape& shape;
  const std::vector<View>& views;
  const std::vector<std::string>& columns;  ///< of the table after the base steps
};

/// How far two tables are apart, from the fact "data" of their runs: the mean of the differences of their
/// meta-features, each divided by a range that holds nearly all tables (L1, as Brazdil, Soares and da Costa
/// 2003). 0: alike in all of them; 1: as far as can be.
double table_distance(const nlohmann::json& a, const nlohmann::json& b);

/// options.warm_start: a run, or "auto" for the three nearest of the same task. `store` is that of the run to
/// be started: it holds the facts of its table, and what is found is kept there as fact "warm_start", which a
/// resumed run goes by, whatever other runs there are since.
///
/// Determinism: depends on the kept runs and the arguments; on the clock only through `deadline`, which ends
/// the reading of a history that is very long.
/// @throws Error kNotFound, kUsage for a run that is not there (see RunHistory::resolve()); kInvalidParameter
/// for one that predicts numbers where this one predicts classes, or the reverse. With "auto" all failures
/// are notes.
WarmStart make_warm_start(RunStore& store, const RunOptions& options, const WarmTable& table,
                          const Deadline& deadline);

/// The portfolio with the candidates after its first entry, which is cheap and gives a first model. An entry
/// that is the same but for its label goes where the candidate would, and stays itself.
std::vector<Candidate> with_warm_start(std::vector<Candidate> portfolio, std::vector<Candidate> candidates);

}  // namespace kolosal::automl
