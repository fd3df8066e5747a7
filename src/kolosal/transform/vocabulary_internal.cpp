#include "kolosal/transform/vocabulary_internal.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <functional>
#include <numeric>

#include "kolosal/kernel/radix_sort.hpp"
#include "kolosal/transform/columns_internal.hpp"

namespace kolosal::transform {
namespace {

constexpr std::size_t kMinBlock = 4096, kMaxBlocks = 32;

// Tables larger than the cache: a slot is asked for this many terms before it is looked at.
constexpr std::uint32_t kAhead = 12;

// Up to 8 bytes as a number that orders as they do: most comparisons need no more.
std::uint64_t prefix_of(std::string_view bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i)
    out =
        out << 8 | (i < bytes.size() ? static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])) : 0U);
  return out;
}

struct Key {
  std::uint64_t prefix;
  std::uint32_t number;
};

// Of terms that agree in their first 8 bytes.
void sort_by_rest(std::span<Key> keys, const TermTable& terms) {
  for (Key& key : keys) {
    const std::string_view term = terms.term(key.number);
    key.prefix = prefix_of(term.substr(std::min<std::size_t>(8, term.size())));
  }
  std::ranges::sort(keys, [&](const Key& a, const Key& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : terms.term(a.number) < terms.term(b.number);
  });
}

void sort_by_bytes(std::vector<std::uint32_t>& numbers, const TermTable& terms, const Context& context) {
  std::vector<Key> keys(numbers.size());
  context.parallel_blocks(keys.size(), kMinBlock, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) keys[i] = {prefix_of(terms.term(numbers[i])), numbers[i]};
  });
  kernel::radix_sort(keys, [](const Key& key) { return key.prefix; });
  std::vector<std::span<Key>> groups;  // of equal prefixes
  for (std::size_t begin = 0, end = 0; begin < keys.size(); begin = end) {
    while (end < keys.size() && keys[end].prefix == keys[begin].prefix) ++end;
    if (end - begin > 1) groups.push_back(std::span(keys).subspan(begin, end - begin));
  }
  context.parallel_blocks(groups.size(), 256, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) sort_by_rest(groups[i], terms);
  });
  for (std::size_t i = 0; i < keys.size(); ++i) numbers[i] = keys[i].number;
}

}  // namespace

void Vocabulary::save(artifact::Node& node) const {
  std::vector<std::uint8_t> bytes;
  std::vector<std::int64_t> ends;
  for (std::uint32_t i = 0; i < terms.size(); ++i) {
    const std::string_view term = terms.term(i);
    bytes.insert(bytes.end(), term.begin(), term.end());
    ends.push_back(static_cast<std::int64_t>(bytes.size()));
  }
  node.set_array("term_bytes", bytes);
  node.set_array("term_ends", ends);
  node.set_array("n_rows", n_rows);
  node.set("n_texts", n_texts);
}

Vocabulary Vocabulary::load(const artifact::Node& node) {
  Vocabulary out;
  const auto bytes = node.array<std::uint8_t>("term_bytes");
  const auto ends = node.array<std::int64_t>("term_ends");
  out.n_rows = node.get_vector<std::int64_t>("n_rows");
  out.n_texts = node.get_int("n_texts");
  check_saved_size("of a vocabulary", {out.n_rows.size()}, ends.size());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::int64_t begin = 0;
  out.terms.reserve(ends.size());
  for (const std::int64_t end : ends) {
    if (end < begin || end > static_cast<std::int64_t>(bytes.size()))
      throw Error(ErrorCode::kModel, "the saved vocabulary is damaged: a term ends at byte {}", end);
    out.terms.add(text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    begin = end;
  }
  check_saved_size("of a vocabulary", {out.terms.size()}, ends.size());  // no term twice
  return out;
}

std::vector<std::uint32_t> TermCounts::add(const TermBlock& block) {
  std::vector<std::uint32_t> out(block.terms.size());
  const auto n = static_cast<std::uint32_t>(block.terms.size());
  for (std::uint32_t i = 0; i < n; ++i) {
    if (i + kAhead < n) terms_.prefetch(block.terms.hash_of(i + kAhead));
    const std::uint32_t number = terms_.add(block.terms.term(i), block.terms.hash_of(i));
    if (number == n_rows_.size()) {
      n_rows_.push_back(0);
      n_times_.push_back(0);
    }
    n_rows_[number] += block.n_rows[i];
    n_times_[number] += block.n_times[i];
    out[i] = number;
  }
  n_texts_ += block.n_texts;
  return out;
}

void TermCounts::merge(const TermCounts& other) {
  for (std::uint32_t i = 0; i < other.terms_.size(); ++i) {
    const std::uint32_t number = terms_.add(other.terms_.term(i), other.terms_.hash_of(i));
    if (number == n_rows_.size()) {
      n_rows_.push_back(0);
      n_times_.push_back(0);
    }
    n_rows_[number] += other.n_rows_[i];
    n_times_[number] += other.n_times_[i];
  }
  n_texts_ += other.n_texts_;
}

Vocabulary TermCounts::choose(const VocabularyOptions& options, std::vector<std::uint32_t>& feature_of,
                              const Context& context) const {
  const auto n = static_cast<double>(n_texts_);
  const double fewest = std::max(static_cast<double>(options.min_rows), options.min_share * n);
  const double most = options.max_share * n;
  std::vector<std::uint32_t> chosen;
  for (std::uint32_t i = 0; i < terms_.size(); ++i) {
    const auto with = static_cast<double>(n_rows_[i]);
    if (with >= fewest && with <= most) chosen.push_back(i);
  }
  sort_by_bytes(chosen, terms_, context);
  if (options.max_features > 0 && chosen.size() > static_cast<std::size_t>(options.max_features)) {
    std::vector<std::uint32_t> order(chosen.size());  // positions, so that ties go by bytes
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&](std::uint32_t i) { return n_times_[chosen[i]]; });
    order.resize(static_cast<std::size_t>(options.max_features));
    std::ranges::sort(order);
    std::vector<std::uint32_t> kept;
    for (const std::uint32_t i : order) kept.push_back(chosen[i]);
    chosen = std::move(kept);
  }
  Vocabulary out;
  out.n_texts = n_texts_;
  out.terms.reserve(chosen.size());
  feature_of.assign(terms_.size(), TermTable::kNone);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const std::uint32_t number = chosen[i];
    if (i + kAhead < chosen.size()) out.terms.prefetch(terms_.hash_of(chosen[i + kAhead]));
    feature_of[number] = out.terms.add(terms_.term(number), terms_.hash_of(number));
    out.n_rows.push_back(n_rows_[number]);
  }
  return out;
}

std::vector<TermBlock> read_terms(const std::string& name, const data::Column& column,
                                  std::span<const std::uint32_t> rows, std::span<const std::uint8_t> fitted,
                                  bool keep_cells, const NgramOptions& options, const Context& context) {
  const std::size_t grain = std::max(kMinBlock, (rows.size() + kMaxBlocks - 1) / kMaxBlocks);
  std::vector<TermBlock> out((rows.size() + grain - 1) / grain);
  std::atomic<std::size_t> n_bytes = 0;
  context.parallel_blocks(rows.size(), grain, [&](std::size_t begin, std::size_t end) {
    TermBlock& block = out[begin / grain];
    NgramReader reader(options);
    std::vector<std::uint32_t> last;  // by term: 1 + the last fitted text that had it, so that it counts once
    for (std::size_t i = begin; i < end; ++i) {
      const bool counts = fitted.empty() || fitted[rows[i]];
      const auto text = static_cast<std::uint32_t>(i - begin + 1);
      block.n_texts += counts;
      reader.for_each(column.text(rows[i]), [&](std::string_view term) {
        const std::uint32_t number = block.terms.add(term);
        if (number == last.size()) {
          last.push_back(0);
          block.n_rows.push_back(0);
          block.n_times.push_back(0);
        }
        if (keep_cells) block.cells.push_back(number);
        if (!counts) return;
        ++block.n_times[number];
        block.n_rows[number] += last[number] != text;
        last[number] = text;
      });
      if (keep_cells) block.ends.push_back(block.cells.size());
    }
    n_bytes += block.terms.n_bytes() + block.cells.capacity() * sizeof(std::uint32_t);
    if (n_bytes > context.memory_limit_bytes)
      throw Error(ErrorCode::kMemory,
                  "the terms of text column \"{}\" take more than {:.0f} MB; text_hash needs less memory",
                  name, static_cast<double>(context.memory_limit_bytes) / 1e6);
  });
  return out;
}

}  // namespace kolosal::transform
