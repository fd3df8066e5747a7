#include <algorithm>
#include <cmath>
#include <memory>
#include <mutex>
#include <numeric>

#include "kolosal/transform/columns_internal.hpp"
#include "kolosal/transform/sparse_blocks_internal.hpp"
#include "kolosal/transform/transformer.hpp"
#include "kolosal/transform/vocabulary_internal.hpp"

namespace kolosal::transform {
namespace {

using data::Column;

struct TextTfidfParams {
  std::string analyzer = "word";
  std::int64_t ngram_min = 1;
  std::int64_t ngram_max = 1;
  bool lowercase = true;
  bool strip_accents = false;
  std::int64_t min_word_length = 2;
  std::string stop_words;
  std::int64_t min_rows = 1;
  double min_share = 0;
  double max_share = 1;
  std::int64_t max_features = 0;
  bool binary = false;
  bool use_idf = true;
  bool smooth_idf = true;
  bool sublinear_tf = false;
  std::string norm = "l2";
};

/// A text becomes the sparse vector of its words (or n-grams) that the fitted texts have too, each
/// weighted by how often it is in the text and how rare in the fitted texts: tf-idf.
///
///   value = count * (ln((1 + n) / (1 + rows with the term)) + 1), then divided by the length of the row's
///   vector
///
/// Shapes:  one sparse column <name>_tfidf per text column, as wide as there are terms; terms in the
///          order of their characters. No term at all: width 1, all empty.
/// Terms:   word: runs of letters, digits and "_"; char: runs of characters, with runs of blanks as
///          one; char_wb: runs of characters within a word and the blank at either side of it.
/// Missing: an empty row, as for a text without a known term.
/// Streams: exactly the result of one fit; memory grows with the number of different terms.
/// Threads: neither threads nor batches change a bit of the result.
/// Source:  agrees with scikit-learn's TfidfVectorizer to the rounding of float32, with its defaults as
///          ours; but marks of a letter belong to its word (scikit-learn cuts there), lower case is
///          that of Latin, Greek and Cyrillic, strip_accents is for Latin, and equally frequent terms
///          at max_features go by their characters.
class TextTfidf final : public Transformer {
 public:
  explicit TextTfidf(TextTfidfParams params);
  bool can_stream() const override { return true; }
  std::string made_types() const override { return "sparse"; }
  std::unique_ptr<RowStep> row_step(const data::Frame& inputs) const override;

 private:
  class SingleRow;
  void do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView& y,
              const Context& context) override;
  std::vector<Named> do_transform(const data::Frame& x, const Context& context) const override;
  std::vector<Named> do_fit_transform(const data::Frame& x, std::span<const std::uint32_t> rows,
                                      const data::TargetView& y, const Context& context) override;
  void do_save(artifact::Node& node) const override {
    for (std::size_t c = 0; c < vocabularies_.size(); ++c)
      vocabularies_[c].save(node.add_child(fmt::format("column_{}", c)));
  }
  void do_load(const artifact::Node& node) override;
  void do_begin_stream() override { counts_.clear(); }
  void do_partial_fit(const data::Frame& x, const data::TargetView& y, const Context& context) override;
  void do_merge(const Transformer& other) override;
  void do_finish_fit(const Context& context) override;

  // The features and weights of what was counted, and the feature of each counted term.
  std::vector<std::uint32_t> choose_features(const TermCounts& counts, const Context& context);
  std::vector<double> weights_of(const Vocabulary& vocabulary) const;
  // Buffers of one row; one object per thread.
  struct Row {
    std::vector<std::uint32_t> features;  // of its terms, in any order, as often as they occur
    std::vector<double> values;
  };
  void add_row(Row& row, const std::vector<double>& weights, SparseBlock& out) const;
  // term_of: by block, the counted term of each of its terms.
  Column rows_of(const std::vector<TermBlock>& blocks, const std::vector<std::vector<std::uint32_t>>& term_of,
                 const std::vector<std::uint32_t>& feature_of, const Context& context) const;
  static std::int32_t width_of(const Vocabulary& vocabulary) {
    return std::max(1, static_cast<std::int32_t>(vocabulary.terms.size()));
  }

  TextTfidfParams params_;
  NgramOptions ngrams_;
  VocabularyOptions options_;
  std::vector<Vocabulary> vocabularies_;      // by column
  std::vector<std::vector<double>> weights_;  // by column and term: the idf
  std::vector<TermCounts> counts_;            // within a fit over a stream
};

TextTfidf::TextTfidf(TextTfidfParams params) : params_(std::move(params)) {
  if (params_.ngram_min > params_.ngram_max)
    throw Error(ErrorCode::kInvalidParameter, "text_tfidf: ngram_min must not exceed ngram_max: {} > {}",
                params_.ngram_min, params_.ngram_max);
  if (params_.min_share > params_.max_share)
    throw Error(ErrorCode::kInvalidParameter, "text_tfidf: min_share must not exceed max_share: {} > {}",
                params_.min_share, params_.max_share);
  ngrams_.kind = params_.analyzer == "word"   ? NgramKind::kWord
                 : params_.analyzer == "char" ? NgramKind::kChar
                                              : NgramKind::kInWord;
  ngrams_.shortest = static_cast<std::size_t>(params_.ngram_min);
  ngrams_.longest = static_cast<std::size_t>(params_.ngram_max);
  ngrams_.lower_case = params_.lowercase;
  ngrams_.strip_accents = params_.strip_accents;
  ngrams_.min_word_length = static_cast<std::size_t>(params_.min_word_length);
  ngrams_.stop_words = split_list(params_.stop_words);
  options_ = {params_.min_rows, params_.min_share, params_.max_share, params_.max_features};
}

std::vector<double> TextTfidf::weights_of(const Vocabulary& vocabulary) const {
  std::vector<double> out(vocabulary.terms.size(), 1.0);
  if (!params_.use_idf) return out;
  const double smooth = params_.smooth_idf ? 1 : 0;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = std::log((static_cast<double>(vocabulary.n_texts) + smooth) /
                      (static_cast<double>(vocabulary.n_rows[i]) + smooth)) +
             1;
  return out;
}

std::vector<std::uint32_t> TextTfidf::choose_features(const TermCounts& counts, const Context& context) {
  std::vector<std::uint32_t> feature_of;
  vocabularies_.push_back(counts.choose(options_, feature_of, context));
  check_width(vocabularies_.back().terms.size());
  weights_.push_back(weights_of(vocabularies_.back()));
  return feature_of;
}

void TextTfidf::add_row(Row& row, const std::vector<double>& weights, SparseBlock& out) const {
  const auto& features = row.features;
  std::ranges::sort(row.features);
  row.values.clear();
  double sum = 0;
  for (std::size_t i = 0; i < features.size();) {
    std::size_t end = i + 1;
    while (end < features.size() && features[end] == features[i]) ++end;
    double value = params_.binary ? 1 : static_cast<double>(end - i);
    if (params_.sublinear_tf) value = 1 + std::log(value);
    value *= weights[features[i]];
    sum += params_.norm == "l2" ? value * value : value;
    out.indices.push_back(static_cast<std::int32_t>(features[i]));
    row.values.push_back(value);
    i = end;
  }
  const double length = params_.norm == "none" || !(sum > 0) ? 1
                        : params_.norm == "l2"               ? std::sqrt(sum)
                                                             : sum;
  for (const double value : row.values) out.values.push_back(static_cast<float>(value / length));
  out.ends.push_back(static_cast<std::int64_t>(out.values.size()));
}

Column TextTfidf::rows_of(const std::vector<TermBlock>& blocks,
                          const std::vector<std::vector<std::uint32_t>>& term_of,
                          const std::vector<std::uint32_t>& feature_of, const Context& context) const {
  std::vector<SparseBlock> made(blocks.size());
  context.parallel_blocks(blocks.size(), 1, [&](std::size_t b, std::size_t) {
    const TermBlock& block = blocks[b];
    std::vector<std::uint32_t> of_block = term_of[b];
    for (std::uint32_t& number : of_block) number = feature_of[number];
    Row row;
    std::size_t begin = 0;
    for (const std::size_t end : block.ends) {
      row.features.clear();
      for (std::size_t i = begin; i < end; ++i)
        if (of_block[block.cells[i]] != TermTable::kNone) row.features.push_back(of_block[block.cells[i]]);
      add_row(row, weights_.back(), made[b]);
      begin = end;
    }
  });
  return join_blocks(std::move(made), width_of(vocabularies_.back()), context);
}

void TextTfidf::do_fit(const data::Frame& x, std::span<const std::uint32_t> rows, const data::TargetView&,
                       const Context& context) {
  require_types(x, "text_tfidf", "text");
  vocabularies_.clear();
  weights_.clear();
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    TermCounts counts;
    for (const TermBlock& block : read_terms(x.name(c), x.column(c), rows, {}, false, ngrams_, context))
      counts.add(block);
    choose_features(counts, context);
  }
}

// Texts are read once: the terms found while counting become the rows.
std::vector<Transformer::Named> TextTfidf::do_fit_transform(const data::Frame& x,
                                                            std::span<const std::uint32_t> rows,
                                                            const data::TargetView&, const Context& context) {
  require_types(x, "text_tfidf", "text");
  vocabularies_.clear();
  weights_.clear();
  std::vector<std::uint32_t> all(x.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  std::vector<std::uint8_t> fitted(x.n_rows());
  for (const std::uint32_t row : rows) fitted[row] = 1;
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const auto blocks = read_terms(x.name(c), x.column(c), all, fitted, true, ngrams_, context);
    TermCounts counts;
    std::vector<std::vector<std::uint32_t>> term_of;
    for (const TermBlock& block : blocks) term_of.push_back(counts.add(block));
    const auto feature_of = choose_features(counts, context);
    out.push_back({x.name(c) + "_tfidf", rows_of(blocks, term_of, feature_of, context)});
  }
  return out;
}

/// Buffers go from call to call, one set for each thread that is at work at the same time.
class TextTfidf::SingleRow final : public RowStep {
 public:
  explicit SingleRow(const TextTfidf& step) : step_(step) {}
  void apply(std::span<const RowCell> in, std::span<RowCell> out, RowArena& arena) const override {
    std::unique_ptr<Buffers> buffers = take();
    for (std::size_t c = 0; c < in.size(); ++c) {
      Row& row = buffers->row;
      SparseBlock& made = buffers->made;
      row.features.clear();
      made.indices.clear();
      made.values.clear();
      made.ends.clear();
      const TermTable& terms = step_.vocabularies_[c].terms;
      buffers->reader.for_each(in[c].is_missing ? std::string_view() : in[c].text(),
                               [&](std::string_view term) {
                                 const std::uint32_t feature = terms.find(term);
                                 if (feature != TermTable::kNone) row.features.push_back(feature);
                               });
      step_.add_row(row, step_.weights_[c], made);
      const auto entries = arena.take<SparseEntry>(made.indices.size());
      for (std::size_t i = 0; i < entries.size(); ++i) entries[i] = {made.indices[i], made.values[i]};
      out[c].entries = entries.data();
      out[c].n = static_cast<std::uint32_t>(entries.size());
    }
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(buffers));
  }

 private:
  struct Buffers {
    explicit Buffers(const NgramOptions& options) : reader(options) {}
    NgramReader reader;
    Row row;
    SparseBlock made;
  };
  std::unique_ptr<Buffers> take() const {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<Buffers>(step_.ngrams_);
    auto out = std::move(free_.back());
    free_.pop_back();
    return out;
  }

  const TextTfidf& step_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Buffers>> free_;
};

std::unique_ptr<RowStep> TextTfidf::row_step(const data::Frame&) const {
  return std::make_unique<SingleRow>(*this);
}

std::vector<Transformer::Named> TextTfidf::do_transform(const data::Frame& x, const Context& context) const {
  std::vector<Named> out;
  for (std::size_t c = 0; c < x.n_columns(); ++c) {
    const Column& column = x.column(c);
    const TermTable& terms = vocabularies_[c].terms;
    std::vector<SparseBlock> blocks((column.size() + kRowGrain - 1) / kRowGrain);
    context.parallel_blocks(column.size(), kRowGrain, [&](std::size_t begin, std::size_t end) {
      NgramReader reader(ngrams_);
      Row made;
      for (std::size_t row = begin; row < end; ++row) {
        made.features.clear();
        reader.for_each(column.text(row), [&](std::string_view term) {
          const std::uint32_t feature = terms.find(term);
          if (feature != TermTable::kNone) made.features.push_back(feature);
        });
        add_row(made, weights_[c], blocks[begin / kRowGrain]);
      }
    });
    out.push_back(
        {x.name(c) + "_tfidf", join_blocks(std::move(blocks), width_of(vocabularies_[c]), context)});
  }
  return out;
}

void TextTfidf::do_partial_fit(const data::Frame& x, const data::TargetView&, const Context& context) {
  require_types(x, "text_tfidf", "text");
  counts_.resize(x.n_columns());
  std::vector<std::uint32_t> all(x.n_rows());
  std::iota(all.begin(), all.end(), 0U);
  for (std::size_t c = 0; c < x.n_columns(); ++c)
    for (const TermBlock& block : read_terms(x.name(c), x.column(c), all, {}, false, ngrams_, context))
      counts_[c].add(block);
}

void TextTfidf::do_merge(const Transformer& other) {
  const auto& theirs = static_cast<const TextTfidf&>(other).counts_;
  counts_.resize(std::max(counts_.size(), theirs.size()));
  for (std::size_t c = 0; c < theirs.size(); ++c) counts_[c].merge(theirs[c]);
}

void TextTfidf::do_finish_fit(const Context& context) {
  vocabularies_.clear();
  weights_.clear();
  counts_.resize(input_columns().size());
  for (const TermCounts& counts : counts_) choose_features(counts, context);
  counts_.clear();
}

void TextTfidf::do_load(const artifact::Node& node) {
  vocabularies_.clear();
  weights_.clear();
  for (std::size_t c = 0; c < input_columns().size(); ++c) {
    vocabularies_.push_back(Vocabulary::load(node.child(fmt::format("column_{}", c))));
    weights_.push_back(weights_of(vocabularies_.back()));
  }
}

}  // namespace

TransformerInfo text_tfidf_info() {
  return describe<TextTfidf>(
      "text_tfidf", "Turn a text into one sparse column of its words or n-grams, weighted by tf-idf.", "text",
      ParamTable<TextTfidfParams>()
          .param("analyzer", &TextTfidfParams::analyzer,
                 "What terms are made of: words, characters, or characters within words.",
                 choice({"word", "char", "char_wb"}))
          .param("ngram_min", &TextTfidfParams::ngram_min, "Shortest run of words or characters.")
          .limits(1, 20)
          .param("ngram_max", &TextTfidfParams::ngram_max, "Longest run of words or characters.")
          .limits(1, 20)
          .param("lowercase", &TextTfidfParams::lowercase, "Texts are put into lower case first.")
          .param("strip_accents", &TextTfidfParams::strip_accents, "Latin letters lose their accents.")
          .param("min_word_length", &TextTfidfParams::min_word_length,
                 "Characters of the shortest word that counts (analyzer word).")
          .limits(1, 1000)
          .param("stop_words", &TextTfidfParams::stop_words,
                 "Words to leave out, separated by commas (analyzer word).")
          .param("min_rows", &TextTfidfParams::min_rows, "Fewest training texts that have a term.")
          .limits(1, 1e12)
          .param("min_share", &TextTfidfParams::min_share,
                 "Smallest share of the training texts with a term.")
          .limits(0, 1)
          .param("max_share", &TextTfidfParams::max_share, "Largest share of the training texts with a term.")
          .limits(0, 1)
          .param("max_features", &TextTfidfParams::max_features,
                 "Only so many terms, those that occur most often; 0: no limit.")
          .limits(0, 1 << 30)
          .param("binary", &TextTfidfParams::binary, "A term counts once per text.")
          .param("use_idf", &TextTfidfParams::use_idf, "Weight terms by how rare they are.")
          .param("smooth_idf", &TextTfidfParams::smooth_idf,
                 "Count one text more that has every term, so that no weight is extreme.")
          .param("sublinear_tf", &TextTfidfParams::sublinear_tf, "1 + ln(count) in the place of the count.")
          .param("norm", &TextTfidfParams::norm,
                 "What the vector of a text is divided by: its l2 or l1 length.",
                 choice({"l2", "l1", "none"})));
}

}  // namespace kolosal::transform
