#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/artifact/node.hpp"
#include "kolosal/core/context.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/frame.hpp"
#include "kolosal/data/target.hpp"

namespace kolosal::transform {

/// Which columns a step takes when nobody names them: a comma separated list of column types
/// ("category,text"), "numeric" (bool, int, float, float32), "time" (date, timestamp) or "all".
struct Selector {
  std::string types = "all";
  std::vector<std::string> names;  ///< When not empty: exactly these columns, and `types` is not looked at.
  bool keep = false;               ///< The columns stay beside what the step makes of them.

  std::vector<std::string> resolve(const data::Frame& frame) const;
};

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

  /// Whether the fitted state depends on y: such a step must be fitted within each fold.
  virtual bool uses_target() const { return false; }
  /// Whether it learns nothing from rows (date parts, hashing): one result serves all folds.
  virtual bool is_stateless() const { return false; }

  void save(artifact::Node& node) const;
  void load(const artifact::Node& node);

  const std::vector<std::string>& input_columns() const { return columns_; }
  /// Before fit(): the input columns stay in the frame (Selector::keep).
  void keep_inputs(bool keep) { keep_inputs_ = keep; }
  bool is_fitted() const { return fitted_; }

 protected:
  struct Named {
    std::string name;
    data::Column column;
  };

  /// x holds exactly the input columns, in the order of input_columns().
  virtual void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                      const Context& context) = 0;
  virtual std::vector<Named> do_transform(const data::Frame& x, const Context& context) const = 0;
  /// Default: do_fit(), then do_transform().
  virtual std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                              const data::TargetView& y, const Context& context);
  virtual void do_save(artifact::Node& node) const = 0;
  virtual void do_load(const artifact::Node& node) = 0;

 private:
  data::Frame begin_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
                        const std::vector<std::string>& columns);
  data::Frame inputs_of(const data::Frame& x) const;
  data::Frame replace(const data::Frame& x, std::vector<Named> made) const;

  std::vector<std::string> columns_;
  std::vector<data::ColumnType> types_;
  bool keep_inputs_ = false;
  bool fitted_ = false;
};

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
    return std::make_unique<T>(table.read(params, name));
  };
  return {std::move(name), std::move(summary), std::move(default_types), std::move(specs), std::move(make)};
}

}  // namespace kolosal::transform
