#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::transform {

/// What a resampler decides, in row numbers of the frame it was given.
struct ResamplePlan {
  /// A row between two others: base + step * (neighbour - base), of the class `value`.
  struct Made {
    std::uint32_t base = 0, neighbour = 0;
    double step = 0;
    double value = 0;
  };
  std::vector<std::uint32_t> kept;  ///< In the order of the result; may repeat.
  std::vector<Made> made;           ///< Follow the kept rows.
  /// By column of the frame: the codes of the made rows of a category column. Empty: the codes of their
  /// bases.
  std::vector<std::vector<std::int32_t>> codes;
};

/// The training rows after resampling: a table of its own.
struct Resampled {
  data::Frame x;
  std::vector<double> values;
  std::vector<double> weights;  ///< Empty: every row counts 1.

  data::TargetView target(const data::TargetView& like) const {
    return {like.task, values, weights, like.n_classes};
  }
};

/// Chooses, repeats or makes training rows, mostly to balance classes. It sees training rows only and is
/// never applied to rows that a model is validated on or predicts.
///
/// Made cells: floats lie on the segment between the base and its neighbour; int, date and timestamp cells
/// are rounded to whole numbers; bool cells are of the nearer end; other cells are the base's (category cells
/// as the resampler says). A made row has the weight of its base. Seed:     the same context.seed gives the
/// same rows, for any number of threads. Errors:   kInvalidParameter for a regression target where classes
/// are needed; kData naming the column for cells
///           that have no distance (missing, infinite, text, ...).
class Resampler {
 public:
  virtual ~Resampler() = default;

  /// rows: ascending row numbers of x; y has a value per row of x.
  Resampled resample(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                     const Context& context) const;
  /// The decision alone.
  ResamplePlan plan(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                    const Context& context) const;

 protected:
  /// Whether the target must be one of classes.
  virtual bool needs_classes() const { return true; }
  virtual ResamplePlan do_plan(const data::Frame& x, std::span<const std::uint32_t> rows,
                               const data::TargetView& y, const Context& context) const = 0;
};

/// What the registry knows of a resampler.
struct ResamplerInfo {
  std::string name;
  std::string summary;  ///< One sentence.
  std::vector<ParamSpec> params;
  std::function<std::unique_ptr<Resampler>(const ParamMap&)> make;
};

/// All resamplers, by name. The folder resamplers/ is the list.
const std::vector<ResamplerInfo>& resamplers();
/// @throws Error kInvalidParameter with the nearest name.
const ResamplerInfo& resampler_info(std::string_view name);
std::unique_ptr<Resampler> make_resampler(std::string_view name, const ParamMap& params = {});

/// For x_info(): builds the entry of a resampler whose constructor takes its parameter struct.
template <typename T, typename P>
ResamplerInfo describe_resampler(std::string name, std::string summary, ParamTable<P> table) {
  auto specs = table.specs();
  auto make = [table = std::move(table), name](const ParamMap& params) -> std::unique_ptr<Resampler> {
    return std::make_unique<T>(table.read(params, name));
  };
  return {std::move(name), std::move(summary), std::move(specs), std::move(make)};
}

}  // namespace kolosal::transform
