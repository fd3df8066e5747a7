#include "kolosal/transform/prefix_cache.hpp"

#include <nlohmann/json.hpp>

#include "kolosal/core/hash.hpp"
#include "kolosal/data/fingerprint.hpp"

namespace kolosal::transform {
namespace {

template <typename T>
std::uint64_t hash_span(std::span<const T> values, std::uint64_t seed) {
  return hash_bytes(values.data(), values.size_bytes(), seed);
}

/// Of the columns that `made` does not share with the frame it was made from.
std::size_t new_bytes(const data::Frame& made, const data::Frame& from) {
  std::size_t out = 0;
  for (std::size_t i = 0; i < made.n_columns(); ++i) {
    const auto at = from.find(made.name(i));
    if (!at || from.column(*at).owner() != made.column(i).owner()) out += made.column(i).n_bytes();
  }
  return out;
}

}  // namespace

std::uint64_t PrefixCache::fingerprint_of(const data::Frame& x, std::span<const std::uint32_t> rows,
                                          const data::TargetView& y) {
  const std::uint64_t numbers[] = {static_cast<std::uint64_t>(y.task), y.n_classes, rows.size(), x.n_rows()};
  std::uint64_t out = hash_span(std::span<const std::uint64_t>(numbers), 0);
  out = hash_span(rows, out);
  out = hash_span(y.values, out);
  return data::fingerprint(x, hash_span(y.weights, out));
}

data::Frame PrefixCache::fit_transform(Recipe& recipe, const data::Frame& x,
                                       std::span<const std::uint32_t> rows, const data::TargetView& y,
                                       std::uint64_t fingerprint, const Context& context) {
  Recipe done = recipe.part(0, 0);
  data::Frame frame = done.fit_transform(x, rows, y, context);
  std::string key = fmt::format("{:016x} {:016x}", fingerprint, context.seed);
  for (std::size_t i = 0; i < recipe.steps().size(); ++i) {
    const Recipe step = recipe.part(i, i + 1);
    key += '\n' + step.to_json().dump();
    const auto prefix = cache_.get_or_make(key, [&] {
      Recipe next = step;
      data::Frame made = next.fit_transform(frame, rows, y, context);
      const std::size_t n_bytes = new_bytes(made, frame);
      auto value = std::make_shared<const Prefix>(Prefix{Recipe::join(done, next), std::move(made)});
      return Cache<std::string, Prefix>::Made{std::move(value), n_bytes};
    });
    done = prefix->recipe;
    frame = prefix->frame;
  }
  recipe = done;
  return frame;
}

}  // namespace kolosal::transform
