#include "kolosal/model/symmetric_table.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "kolosal/model/binned_table.hpp"

namespace kolosal::model {

std::uint8_t bin_of(const std::vector<double>& borders, double value) {
  if (std::isnan(value)) return 0;
  return static_cast<std::uint8_t>(std::upper_bound(borders.begin(), borders.end(), value) - borders.begin());
}

std::vector<double> borders_between(const std::vector<double>& sorted, std::size_t max_bins) {
  std::vector<double> out = bin_ends(sorted, max_bins);
  // An end belongs to the bin below it, a border to the bin above.
  for (double& end : out) end = std::nextafter(end, std::numeric_limits<double>::infinity());
  return out;
}

SymmetricTable::SymmetricTable(std::vector<SymmetricFeature> features, std::size_t n_rows)
    : n_rows_(n_rows), place_(features.size()) {
  std::vector<std::uint32_t> fixed, ordered;
  for (std::uint32_t f = 0; f < features.size(); ++f) {
    borders_.push_back(std::move(features[f].borders));
    (features[f].bins.size() > 1 ? ordered : fixed).push_back(f);
    n_permutations_ = std::max(n_permutations_, features[f].bins.size());
  }
  for (const auto& all : {fixed, ordered})
    for (std::size_t first = 0; first < all.size(); first += 4)
      add_group(features, {all.begin() + static_cast<std::ptrdiff_t>(first),
                           all.begin() + static_cast<std::ptrdiff_t>(std::min(first + 4, all.size()))});
}

void SymmetricTable::add_group(std::vector<SymmetricFeature>& features, std::vector<std::uint32_t> members) {
  Group group;
  group.bins.resize(features[members[0]].bins.size());
  for (auto& packed : group.bins) packed.assign(n_rows_, 0);
  for (unsigned lane = 0; lane < members.size(); ++lane) {
    SymmetricFeature& feature = features[members[lane]];
    place_[members[lane]] = {groups_.size(), lane};
    group.offset[lane] = static_cast<std::uint32_t>(group.stride);
    group.stride += n_bins(members[lane]);
    for (std::size_t p = 0; p < group.bins.size(); ++p)
      for (std::size_t i = 0; i < n_rows_; ++i)
        group.bins[p][i] |= std::uint32_t{feature.bins[p][i]} << (8 * lane);
    feature.bins.clear();
  }
  // Lanes without a feature count into cells that nobody reads, one each: together they would count more than
  // a packed sum holds.
  for (std::size_t lane = members.size(); lane < 4; ++lane)
    group.offset[lane] = static_cast<std::uint32_t>(group.stride++);
  group.features = std::move(members);
  groups_.push_back(std::move(group));
}

const std::uint32_t* SymmetricTable::bins(std::size_t group, std::size_t permutation) const {
  const auto& all = groups_[group].bins;
  return all[all.size() > 1 ? permutation : 0].data();
}

kernel::BinGroup SymmetricTable::group(std::size_t group, std::size_t permutation) const {
  const Group& g = groups_[group];
  return {bins(group, permutation), {g.offset[0], g.offset[1], g.offset[2], g.offset[3]}, g.stride};
}

SymmetricTable::Lane SymmetricTable::lane(std::size_t feature, std::size_t permutation) const {
  const Place place = place_[feature];
  return {bins(place.group, permutation), 8 * place.lane};
}

}  // namespace kolosal::model
