#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/text_words_internal.hpp"
#include "kolosal/transform/transformer.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct TextHashParams {
  std::int64_t width = 1 << 15;
  std::int64_t word_ngrams = 2;
  std::int64_t char_min = 3;
  std::int64_t char_max = 5;
  bool idf = false;
};

// FNV-1a over bytes, then murmur's finalizer: FNV alone leaves the low bits of short texts alike.
constexpr std::uint64_t kWordSeed = 0xcbf29ce484222325ULL;
constexpr std::uint64_t kCharSeed = 0x9ae16a3b2f90404fULL;
std::uint64_t hash_byte(std::uint64_t hash, char byte) {
  return (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
}
std::uint64_t finish(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdULL;
  return hash ^ (hash >> 33);
}

// The n-grams of one text after another, in buffers that are used again.
class Grams {
 public:
  /// Calls body(feature) for each.
  template <typename Body>
  void for_each(std::string_view text, const TextHashParams& params, Body&& body) {
    text_.clear();
    append_lower_utf8(text, text_);
    const auto width = static_cast<std::uint64_t>(params.width);
    // The high bits scaled to the width: no division, and any width serves.
    const auto add = [&](std::uint64_t hash) {
      body(static_cast<std::size_t>(((finish(hash) >> 32) * width) >> 32));
    };
    hash_words(params, add);
    hash_characters(params, add);
  }

 private:
  template <typename Add>
  void hash_words(const TextHashParams& params, const Add& add) {
    words_.clear();
    for_each_word(text_, [&](std::string_view word) {
      std::uint64_t hash = kWordSeed;
      for (const char byte : word) hash = hash_byte(hash, byte);
      words_.push_back(hash);
    });
    for (std::size_t i = 0; i < words_.size(); ++i) {
      std::uint64_t hash = words_[i];
      for (std::size_t n = 1; n <= static_cast<std::size_t>(params.word_ngrams) && i + n <= words_.size();
           ++n) {
        if (n > 1) hash = finish(hash * 31 + words_[i + n - 1]);
        add(hash);
      }
    }
  }

  template <typename Add>
  void hash_characters(const TextHashParams& params, const Add& add) {
    // Runs of anything but word bytes count as one blank, and a blank stands at either end.
    if (params.char_max == 0) return;
    padded_.assign(1, ' ');
    for (const char byte : text_) {
      if (is_word_byte(byte) || (byte > ' ' && byte < 0x7F))
        padded_ += byte;
      else if (padded_.back() != ' ')
        padded_ += ' ';
    }
    if (padded_.back() != ' ') padded_ += ' ';
    if (padded_.size() < 3) return;
    for (std::size_t begin = 0; begin < padded_.size(); ++begin) {
      if (is_continuation(padded_[begin])) continue;
      std::uint64_t hash = kCharSeed;
      std::size_t at = begin;
      for (std::int64_t n = 1; n <= params.char_max && at < padded_.size(); ++n) {
        do hash = hash_byte(hash, padded_[at++]);
        while (at < padded_.size() && is_continuation(padded_[at]));
        if (n >= params.char_min) add(hash);
      }
    }
  }

  static bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

  std::string text_, padded_;
  std::vector<std::uint64_t> words_;
};

float value_of(std::int32_t count, std::span<const float> idf, std::int32_t feature) {
  const float value = count == 1 ? 1.0F : 1.0F + std::log(static_cast<float>(count));
  return idf.empty() ? value : value * idf[static_cast<std::size_t>(feature)];
}

float factor_of(double square) { return square > 0 ? static_cast<float>(1 / std::sqrt(square)) : 0.0F; }

// The features of one text after another.
class Hasher {
 public:
  explicit Hasher(const TextHashParams& params)
      : params_(params),
        counts_(static_cast<std::size_t>(params.width)),
        present_((static_cast<std::size_t>(params.width) + 63) / 64) {}

  /// Calls body(feature, count) with ascending features.
  template <typename Body>
  void features(std::string_view text, Body&& body) {
    grams_.for_each(text, params_, [&](std::size_t feature) {
      ++counts_[feature];
      present_[feature / 64] |= std::uint64_t{1} << (feature % 64);
    });
    for (std::size_t block = 0; block < present_.size(); ++block) {
      for (std::uint64_t bits = present_[block]; bits != 0; bits &= bits - 1) {
        const std::size_t feature = block * 64 + static_cast<std::size_t>(std::countr_zero(bits));
        body(static_cast<std::int32_t>(feature), counts_[feature]);
        counts_[feature] = 0;
      }
      present_[block] = 0;
    }
  }

 private:
  const TextHashParams& params_;
  std::vector<std::int32_t> counts_;    // by feature; all 0 between texts
  std::vector<std::uint64_t> present_;  // a bit per feature with a count
  Grams grams_;
};

/// A text becomes a sparse vector of hashed n-grams of words (1 to word_ngrams) and characters (char_min to
/// char_max).
///
/// Values:  1 + log(count), times the inverse document frequency with idf, then scaled to length 1.
/// Shapes:  one sparse column <name>_hash per text column, `width` wide.
/// Text:    lower case; a word is a run of letters and digits.
/// Missing: an empty row, as for a text without any letter.
/// State:   none, but for idf: log((1 + n) / (1 + rows with the feature)) + 1 over the fitted rows (as
///          scikit-learn's).
/// Streams: exactly, in 8 bytes per feature.
/// Cost:    about 3.5 features per byte, at 8 bytes each.
class TextHash final : public Transformer {
 public:
  explicit TextHash(TextHashParams params) : params_(params) {
    if (params_.char_min > params_.char_max)
      throw Error(ErrorCode::kInvalidParameter, "text_hash: char_min must not exceed char_max: {} > {}",
                  params_.char_min, params_.char_max);
  }
  bool is_stateless() const override { return !params_.idf; }
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "sparse"; }
  std::unique_ptr<RowStep> row_step(const data::Frame&) const override;

 private:
  class Row;
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  void do_save(artifact::Node& node) const override {
    for (std::size_t c = 0; c < idf_.size(); ++c) node.set_array(fmt::format("idf_{}", c), idf_[c]);
  }
  void do_load(const artifact::Node& node) override {
    idf_.assign(params_.idf ? input_columns().size() : 0, {});
    for (std::size_t c = 0; c < idf_.size(); ++c) {
      idf_[c] = node.get_vector<float>(fmt::format("idf_{}", c));
      check_saved_size("text_hash", {idf_[c].size()}, static_cast<std::size_t>(params_.width));
    }
  }
  void do_begin_stream() override;
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;
  void add(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context);
  Column hash_column(const Column& column, std::span<const float> idf, const Context& context) const;

  TextHashParams params_;
  // Within a fit, with idf: the rows, and by column and feature those that have it.
  std::int64_t n_rows_ = 0;
  std::vector<std::vector<std::int64_t>> rows_with_;
  std::vector<std::vector<float>> idf_;  // by column, by feature; empty without idf
};

void TextHash::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                      const Context& context) {
  require_types(x, "text_hash", "text");
  do_begin_stream();
  add(x, rows, context);
  do_finish_fit(context);
}

void TextHash::do_begin_stream() {
  n_rows_ = 0;
  rows_with_.assign(params_.idf ? input_columns().size() : 0,
                    std::vector<std::int64_t>(static_cast<std::size_t>(params_.width)));
}

void TextHash::do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) {
  require_types(x, "text_hash", "text");
  std::vector<std::uint32_t> all(x.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  add(x, all, context);
}

void TextHash::add(const data::Frame& x, std::span<const std::uint32_t> rows, const Context& context) {
  n_rows_ += static_cast<std::int64_t>(rows.size());
  context.parallel_blocks(rows_with_.size(), 1, [&](std::size_t c, std::size_t) {
    Hasher hasher(params_);
    for (const std::uint32_t row : rows)
      hasher.features(x.column(c).text(row),
                      [&](std::int32_t f, std::int32_t) { ++rows_with_[c][static_cast<std::size_t>(f)]; });
  });
}

void TextHash::do_merge(const Transformer& other) {
  const auto& theirs = dynamic_cast<const TextHash&>(other);
  n_rows_ += theirs.n_rows_;
  for (std::size_t c = 0; c < rows_with_.size(); ++c)
    for (std::size_t f = 0; f < rows_with_[c].size(); ++f) rows_with_[c][f] += theirs.rows_with_[c][f];
}

void TextHash::do_finish_fit(const Context&) {
  idf_.clear();
  const auto n = static_cast<double>(n_rows_);
  for (const auto& rows_with : rows_with_) {
    std::vector<float> idf(rows_with.size());
    for (std::size_t f = 0; f < idf.size(); ++f)
      idf[f] = static_cast<float>(std::log((1 + n) / (1 + static_cast<double>(rows_with[f]))) + 1);
    idf_.push_back(std::move(idf));
  }
  rows_with_.clear();
}

Column TextHash::hash_column(const Column& column, std::span<const float> idf, const Context& context) const {
  struct Block {
    std::vector<std::int32_t> indices;
    std::vector<float> values;
  };
  const std::size_t n_rows = column.size();
  std::vector<std::int64_t> offsets(n_rows + 1);
  std::vector<Block> blocks((n_rows + kRowGrain - 1) / kRowGrain);
  context.parallel_blocks(n_rows, kRowGrain, [&](std::size_t begin, std::size_t end) {
    Block& block = blocks[begin / kRowGrain];
    Hasher hasher(params_);
    for (std::size_t row = begin; row < end; ++row) {
      const std::size_t first = block.values.size();
      double square = 0;
      hasher.features(column.text(row), [&](std::int32_t feature, std::int32_t count) {
        const float value = value_of(count, idf, feature);
        block.indices.push_back(feature);
        block.values.push_back(value);
        square += static_cast<double>(value) * static_cast<double>(value);
      });
      const float factor = factor_of(square);
      for (std::size_t i = first; i < block.values.size(); ++i) block.values[i] *= factor;
      offsets[row + 1] = static_cast<std::int64_t>(block.values.size() - first);
    }
  });
  for (std::size_t row = 0; row < n_rows; ++row) offsets[row + 1] += offsets[row];
  std::vector<std::int32_t> indices(static_cast<std::size_t>(offsets.back()));
  std::vector<float> values(indices.size());
  context.parallel_blocks(n_rows, kRowGrain, [&](std::size_t begin, std::size_t) {
    Block& block = blocks[begin / kRowGrain];
    std::ranges::copy(block.indices, indices.begin() + offsets[begin]);
    std::ranges::copy(block.values, values.begin() + offsets[begin]);
    block = {};
  });
  return Column::from_sparse(std::move(offsets), std::move(indices), std::move(values),
                             static_cast<std::int32_t>(params_.width));
}

std::vector<Transformer::Named> TextHash::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column& column = x.column(c);
    double n_bytes = 0;
    for (std::size_t row = 0; row < column.size(); ++row)
      n_bytes += 8 * std::min(3.5 * static_cast<double>(column.text(row).size()),
                              static_cast<double>(params_.width));
    if (n_bytes > static_cast<double>(context.memory_limit_bytes))
      throw Error(ErrorCode::kMemory,
                  "hashing text column \"{}\" would take up to {:.0f} MB; the limit is {:.0f} MB", x.name(c),
                  n_bytes / 1e6, static_cast<double>(context.memory_limit_bytes) / 1e6);
    out.push_back(
        {x.name(c) + "_hash",
         hash_column(column, idf_.empty() ? std::span<const float>() : std::span<const float>(idf_[c]),
                     context)});
  }
  return out;
}

// A row has few features: sorted, without an array of all.
class TextHash::Row final : public RowStep {
 public:
  explicit Row(const TextHash& step) : step_(step) {}
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    struct Scratch {
      Grams grams;
      std::vector<std::int32_t> features;
    };
    thread_local Scratch scratch;
    auto& features = scratch.features;
    for (std::size_t c = 0; c < in.size(); ++c) {
      features.clear();
      const std::string_view text = in[c].is_missing ? std::string_view() : in[c].text();
      scratch.grams.for_each(text, step_.params_, [&](std::size_t feature) {
        features.push_back(static_cast<std::int32_t>(feature));
      });
      std::ranges::sort(features);
      const auto entries = arena.take<SparseEntry>(features.size());
      out[c].entries = entries.data();
      out[c].n = write(features, step_.idf_.empty() ? std::span<const float>() : step_.idf_[c], entries);
    }
  }

 private:
  static std::uint32_t write(const std::vector<std::int32_t>& features, std::span<const float> idf,
                             std::span<SparseEntry> entries) {
    std::size_t n = 0;
    double square = 0;
    for (std::size_t i = 0; i < features.size();) {
      std::size_t end = i + 1;
      while (end < features.size() && features[end] == features[i]) ++end;
      const float value = value_of(static_cast<std::int32_t>(end - i), idf, features[i]);
      square += static_cast<double>(value) * static_cast<double>(value);
      entries[n++] = {features[i], value};
      i = end;
    }
    const float factor = factor_of(square);
    for (SparseEntry& entry : entries.first(n)) entry.value *= factor;
    return static_cast<std::uint32_t>(n);
  }

  const TextHash& step_;
};

std::unique_ptr<RowStep> TextHash::row_step(const data::Frame&) const { return std::make_unique<Row>(*this); }

}  // namespace

TransformerInfo text_hash_info() {
  return describe<TextHash>(
      "text_hash", "Hash word and character n-grams of a text into one sparse column.", "text",
      ParamTable<TextHashParams>()
          .param("width", &TextHashParams::width, "Number of features.")
          .limits(16, 1 << 20)
          .param("word_ngrams", &TextHashParams::word_ngrams, "Longest run of words; 0: no words.")
          .limits(0, 5)
          .param("char_min", &TextHashParams::char_min, "Shortest run of characters.")
          .limits(0, 20)
          .param("char_max", &TextHashParams::char_max, "Longest run of characters; 0 with char_min 0: none.")
          .limits(0, 20)
          .param("idf", &TextHashParams::idf, "Weight features by their rarity in the training rows."));
}

}  // namespace kolosal::transform
