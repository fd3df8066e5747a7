#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"
#include "kolosal/transform/cell_map.hpp"
#include "kolosal/transform/row_step.hpp"

namespace kolosal::transform {

/// Which columns a step takes when nobody names them: a comma separated list of column types
/// ("category,text"), "numeric" (bool, int, float, float32), "time" (date, timestamp) or "all".
struct Selector {
  std::string types = "all";
  std::vector<std::string> names;  ///< When not empty: exactly these columns, and `types` is not looked at.
  bool keep = false;               ///< The columns stay beside what the step makes of them.

  std::vector<std::string> resolve(const data::Frame& frame) const;
};

struct TransformerInfo;
class CellSource;
class LazyFrame;

/// One preprocessing step. It takes the columns it was fitted on out of a frame and puts its own columns in
/// their place (columns it was not fitted on pass untouched, in their order; new columns follow them).
///
/// Shapes:  a frame of n rows becomes a frame of n rows. When no column would be left, "no_feature", all
/// zero, keeps them. Missing: as each step documents; a category level that fit() did not see is kUnseenCode.
/// Threads: transform() is const and safe from many threads.
/// Errors:  kNotFitted before fit(); kData when a column it was fitted on is absent or has another type.
class Transformer {
 public:
  virtual ~Transformer() = default;

  /// Learns from the given rows alone (ascending row numbers); rows that are not listed are never looked at.
  void fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
           const std::vector<std::string>& columns, const Context& context);
  data::Frame transform(const data::Frame& x, const Context& context) const;

  /// fit() and then transform() of ALL rows of x, where the fitted rows get what they may see in training: a
  /// step that uses the target encodes each of them without its own target (out of fold). Same as transform()
  /// for the others.
  data::Frame fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                            const data::TargetView& y, const std::vector<std::string>& columns,
                            const Context& context);

  /// The same for a Recipe, which computes the number columns of cell_map() only when all steps are fitted.
  void fit_transform(LazyFrame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                     const std::vector<std::string>& columns, const Context& context);
  void transform(LazyFrame& x, const Context& context) const;

  /// Whether the fitted state depends on y: such a step must be fitted within each fold.
  virtual bool uses_target() const { return false; }
  /// Whether it learns nothing from rows (date parts, hashing): one result serves all folds.
  virtual bool is_stateless() const { return false; }

  /// Whether it can be fitted batch by batch: partial_fit() any number of times, merge() with what others
  /// gathered, then finish_fit(). The result is that of fit() on all rows at once (to rounding, or within the
  /// rank error that the step documents), whatever the batches and their order. Stateless steps always can.
  virtual bool can_stream() const { return is_stateless(); }
  /// Of a step that can not: why, as a clause for messages ("it needs all rows at once").
  virtual std::string stream_obstacle() const { return "it needs all rows at once"; }
  /// Adds all rows of x to what was gathered. The first call since the last fit fixes columns and types; a
  /// category column may have another dictionary in each batch.
  /// @throws Error kUnsupported when it can not stream.
  void partial_fit(const data::Frame& x, const data::TargetView& y, const std::vector<std::string>& columns,
                   const Context& context);
  /// Adds what `other` gathered, and leaves it as it is.
  /// @throws Error kInvalidParameter when it is another step, or has other parameters or columns.
  void merge(const Transformer& other);
  /// Makes the fitted state of what was gathered and forgets the latter. @throws Error kNotFitted when no
  /// batch came.
  void finish_fit(const Context& context);

  /// Whether inverse_transform() exists.
  virtual bool has_inverse() const { return false; }
  /// Replaces the columns that transform() made by the ones it was fitted on (they follow the others). What
  /// can not be told back (a cell that was missing, a rare level) is as the step documents.
  /// @throws Error kUnsupported without an inverse, kData when a column that the step made is absent.
  data::Frame inverse_transform(const data::Frame& x, const Context& context) const;

  /// Fitted: the step for one row. inputs: its input columns as they come, with their dictionaries; no rows.
  /// Null: there is none, the step knows frames only. The transformer must outlive it.
  virtual std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const;
  /// Fitted, of a step that makes nothing but drops columns: by input column, 1 = it stays as it is. Else
  /// empty.
  virtual std::span<const std::uint8_t> kept_columns() const { return {}; }

  void save(artifact::Node& node) const;
  void load(const artifact::Node& node);

  /// The name in the registry and all parameters, given or default; "" for a step made without describe().
  const std::string& name() const { return name_; }
  const ParamMap& all_params() const { return all_params_; }
  const std::vector<std::string>& input_columns() const { return columns_; }
  const std::vector<data::ColumnType>& input_types() const { return types_; }
  /// Before fit(): the input columns stay in the frame (Selector::keep).
  void keep_inputs(bool keep) { keep_inputs_ = keep; }
  bool keeps_inputs() const { return keep_inputs_; }
  bool is_fitted() const { return fitted_; }
  /// Before fit(): the step may not make a frame of more than `most` features (0: no limit), of which
  /// `n_beside` are columns that it does not take. A sparse column counts with its width.
  void limit_features(std::size_t most, std::size_t n_beside) {
    max_features_ = most;
    n_beside_ = n_beside;
  }
  /// Of which types the columns are that the step makes, as in Selector::types; "all" when not known. Steps
  /// that take other types can be fitted in the same pass over a stream.
  virtual std::string made_types() const { return "all"; }

 protected:
  struct Named {
    std::string name;
    data::Column column;
  };

  /// x holds exactly the input columns, in the order of input_columns().
  virtual void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                      const Context& context) = 0;
  virtual std::vector<Named> do_transform(const data::Frame& x, const Context& context) const = 0;

  // Steps that work on each cell of a number column by itself may say so, and are then fused with their
  // neighbours in a Recipe; the bytes must be those of do_fit() and do_transform().
  // fits_sources(): do_fit_sources() is do_fit() for steps without a target, from cells that are computed
  // when they are read.
  virtual bool fits_sources() const { return false; }
  virtual void do_fit_sources(std::span<const CellSource> x, std::span<const std::uint32_t> rows,
                              const Context& context);
  // Fitted: what the step does to a float64 input column c, when it makes of it one float64 column of the
  // same name.
  virtual std::optional<CellMap> cell_map(std::size_t c) const;
  // do_transform(), where input columns with mapped[c] are left as they are. Default: all are mapped.
  virtual std::vector<Named> do_transform_rest(const data::Frame& x, const std::vector<bool>& mapped,
                                               const Context& context) const;
  /// Default: do_fit(), then do_transform().
  virtual std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                              const data::TargetView& y, const Context& context);
  virtual void do_save(artifact::Node& node) const = 0;
  virtual void do_load(const artifact::Node& node) = 0;

  // Streams. do_begin_stream() forgets what was gathered; input_columns() and input_types() are set. x holds
  // exactly the input columns. `other` is of the same class, with the same parameters and columns.
  // do_finish_fit() makes the fitted state and lets go of what was gathered. Defaults: of a stateless step.
  virtual void do_begin_stream() {}
  virtual void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context);
  virtual void do_merge(const Transformer&) {}
  virtual void do_finish_fit(const Context& context);

  // The inverse. made_columns() are the names that do_transform() gives, known once fitted; x of do_inverse()
  // holds exactly these, and the result is one column per input column, in any order.
  virtual std::vector<std::string> made_columns() const { return columns_; }
  virtual std::vector<Named> do_inverse(const data::Frame& x, const Context& context) const;

  /// For steps that may make very many features: called with their number as soon as it is known, before they
  /// are made. (The base class checks all steps after that.)
  /// @throws Error kInvalidParameter naming the number and the limit.
  void check_width(std::size_t n_features) const;

 private:
  template <typename T, typename P>
  friend TransformerInfo describe(std::string name, std::string summary, std::string default_types,
                                  ParamTable<P> table);

  data::Frame begin_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                        const std::vector<std::string>& columns);
  void take_columns(const data::Frame& x, const data::TargetView& y, const std::vector<std::string>& columns);
  void end_fit();
  void check_gatherable() const;
  void check_made(const Context& context) const;
  data::Frame inputs_of(const data::Frame& x) const;
  data::Frame replace(const data::Frame& x, std::vector<Named> made) const;

  std::string name_;
  ParamMap all_params_;
  std::vector<std::string> columns_;
  std::vector<data::ColumnType> types_;
  std::vector<std::string> made_;  // with has_inverse(): made_columns() as they are called in the frame
  data::Frame header_;             // within a fit: the columns of the frame that is fitted, no rows
  std::size_t n_taken_ = 0;        // features of the input columns
  std::size_t max_features_ = 0;
  std::size_t n_beside_ = 0;
  bool keep_inputs_ = false;
  bool gathering_ = false;
  bool fitted_ = false;
};

/// Features that the columns of a frame are to a learner: one each, and a sparse column as many as it is
/// wide.
std::size_t n_features(const data::Frame& x);

/// What the registry knows of a transformer.
struct TransformerInfo {
  std::string name;
  std::string summary;        ///< One sentence.
  std::string default_types;  ///< Selector::types used when a recipe names no columns.
  std::vector<ParamSpec> params;
  std::function<std::unique_ptr<Transformer>(const ParamMap&)> make;
};

/// All transformers, by name. The folder transformers/ is the list.
const std::vector<TransformerInfo>& transformers();
/// @throws Error kInvalidParameter with the nearest name.
const TransformerInfo& transformer_info(std::string_view name);
std::unique_ptr<Transformer> make_transformer(std::string_view name, const ParamMap& params = {});

/// For x_info(): builds the entry of a transformer whose constructor takes its parameter struct.
template <typename T, typename P>
TransformerInfo describe(std::string name, std::string summary, std::string default_types,
                         ParamTable<P> table) {
  auto specs = table.specs();
  auto make = [table = std::move(table), name](const ParamMap& params) -> std::unique_ptr<Transformer> {
    P values = table.read(params, name);
    ParamMap all = table.write(values);
    std::unique_ptr<Transformer> out = std::make_unique<T>(std::move(values));
    out->name_ = name;
    out->all_params_ = std::move(all);
    return out;
  };
  return {std::move(name), std::move(summary), std::move(default_types), std::move(specs), std::move(make)};
}

}  // namespace kolosal::transform
