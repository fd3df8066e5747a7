#pragma once

#include "kolosal/core/random.hpp"
#include "kolosal/transform/class_balance_internal.hpp"
#include "kolosal/transform/neighbours_internal.hpp"

namespace kolosal::transform {

struct SmoteParams : OversampleParams {
  std::int64_t k_neighbors = 5;
};

template <typename P>
ParamTable<P> smote_table() {
  return oversample_table<P>()
      .param("k_neighbors", static_cast<std::int64_t P::*>(&SmoteParams::k_neighbors),
             "Neighbours of its class between which and a row new rows are made.")
      .limits(1, 1000);
}

/// Base of the over-samplers that make rows between neighbours: all rows are kept, and for each class that
/// gets rows make() adds them.
class NeighbourOversampler : public Resampler {
 protected:
  NeighbourOversampler(OversampleParams params, std::string name)
      : params_(std::move(params)), name_(std::move(name)) {
    check_oversample(params_, name_);
  }
  /// The rows of one class, and how many to make of it.
  struct Job {
    const data::Frame& x;
    std::span<const std::uint32_t> all;  ///< All training rows.
    const data::TargetView& y;
    const std::vector<std::uint32_t>& rows;  ///< Of the class.
    std::size_t k = 0;                       ///< The class.
    std::size_t n_wanted = 0;
    Rng& rng;
  };
  virtual void make(const Job& job, ResamplePlan& plan, const Context& context) const = 0;
  const std::string& name() const { return name_; }

 private:
  ResamplePlan do_plan(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                       const Context& context) const override;

  OversampleParams params_;
  std::string name_;
};

/// Draws n rows between one of `bases` and one of its neighbours, each pair with the same chance. A base
/// without neighbours (alone in its class) is repeated. neighbours: of the bases, as positions in `rows`.
void add_between(std::size_t n, std::span<const std::uint32_t> bases, const Neighbours& neighbours,
                 std::span<const std::uint32_t> rows, double value, Rng& rng, ResamplePlan& plan);

}  // namespace kolosal::transform
