#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kolosal/core/context.hpp"
#include "kolosal/io/table_reader.hpp"
#include "kolosal/service/preprocessing.hpp"

namespace kolosal::service {

/// A table as batches in the shape that a recipe was fitted on.
class RecipeInput {
 public:
  struct Batch {
    data::Frame features;  ///< Columns, types and dictionaries of the fit.
    data::Frame passing;   ///< The ignored columns and the target, as far as the table has them.
  };

  /// keeps_looks: passing columns keep their cells as they stand in the file, instead of their inferred
  /// types. `fitted` outlives it.
  /// @throws Error kData when the table lacks columns that the recipe was fitted on.
  RecipeInput(const FittedRecipe& fitted, const std::filesystem::path& path, io::ReadOptions read,
              bool keeps_looks, const Context& context);

  /// @throws Error kData for a text in a column of numbers or times: row, column and value.
  std::optional<Batch> next();

  std::vector<std::string> notes() const { return stream_->report().notes; }
  const data::ConformReport& conform() const { return conform_; }

 private:
  void check_columns(const std::filesystem::path& path) const;
  void check_numbers(const data::Frame& batch) const;

  const FittedRecipe& fitted_;
  std::unique_ptr<io::TableStream> stream_;
  std::vector<std::string> passing_;
  data::ConformReport conform_;
  std::size_t n_rows_ = 0;
};

}  // namespace kolosal::service
