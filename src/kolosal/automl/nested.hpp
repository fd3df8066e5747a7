#pragma once

#include <cstdint>
#include <vector>

#include "kolosal/automl/problem.hpp"
#include "kolosal/automl/run.hpp"
#include "kolosal/pipeline/splitter.hpp"

namespace kolosal::automl {

/// The outer folds of a nested validation, as row numbers of the problem: groups are never on both sides,
/// and where there are times a fold is judged by models of earlier rows alone.
std::vector<pipeline::Split> outer_splits(const Problem& problem, std::size_t n_folds, std::uint64_t seed);

/// A run, and how good a model it makes on rows that no part of the search has seen: neither steps and
/// learners nor the choice among them.
///
/// The model of all rows comes first, so that a model is there whatever comes after; then each of
/// options.n_nested outer folds is left out in turn, the whole search is done on its training rows (without a
/// warm start: earlier runs may have seen the fold) and the model predicts the fold. Every search gets an
/// equal part of the time; with a budget of trials each does as many. The model file is the one that run()
/// alone would have written.
///
/// Each score is kept in the run's folder ("nested") and its history at once, so that a stopped run resumes
/// with those it has, and the search of the fold that was under way goes on.
///
/// sink: gets the events of the run of all rows, and a note per outer fold.
/// @throws Error as run() does; kInvalidParameter for fewer than two folds.
RunResult run_nested(data::Frame table, const RunOptions& options, const Context& context,
                     const EventSink& sink);

}  // namespace kolosal::automl
