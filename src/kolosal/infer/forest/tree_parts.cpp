#include "kolosal/infer/forest/tree_parts.hpp"

#include <algorithm>
#include <unordered_set>

namespace kolosal::infer {
namespace {

constexpr std::size_t kMostExits = 256;
constexpr std::size_t kMostParts = 256;

/// Cuts one tree.
class Cutter {
 public:
  Cutter(const model::Forest& forest, const std::vector<std::uint32_t>& n_leaves)
      : forest_(forest), n_leaves_(n_leaves) {}

  std::vector<TreePart> cut(std::int32_t root) {
    std::vector<std::int32_t> roots{root};
    std::vector<TreePart> parts;
    for (std::size_t i = 0; i < roots.size(); ++i) {
      choose_inner(roots[i]);
      TreePart part = number(roots[i]);
      if (part.exits.size() > kMostExits) return {};
      for (TreePart::Exit& exit : part.exits) {
        if (exit.leaf >= 0) continue;
        roots.push_back(static_cast<std::int32_t>(exit.part));
        exit.part = static_cast<std::uint32_t>(roots.size() - 1);
      }
      if (roots.size() > kMostParts) return {};
      parts.push_back(std::move(part));
    }
    return parts;
  }

 private:
  std::size_t n_leaves(std::int32_t at) const { return at < 0 ? 1 : n_leaves_[static_cast<std::size_t>(at)]; }

  /// The nodes whose children belong to the part too: those above more leaves than a part may have, and then
  /// whole subtrees, the small ones first, as long as there is room.
  void choose_inner(std::int32_t root) {
    inner_.clear();
    whole_ = n_leaves(root) <= kMostExits;
    if (whole_) return;
    std::vector<std::int32_t> open{root}, rest;
    while (!open.empty()) {
      const std::int32_t at = open.back();
      open.pop_back();
      if (n_leaves(at) <= kMostExits) {
        rest.push_back(at);
        continue;
      }
      inner_.insert(at);
      open.push_back(forest_.left[static_cast<std::size_t>(at)]);
      open.push_back(forest_.right[static_cast<std::size_t>(at)]);
    }
    std::sort(rest.begin(), rest.end(), [&](std::int32_t a, std::int32_t b) {
      return std::pair(n_leaves(a), a) < std::pair(n_leaves(b), b);
    });
    std::size_t n_exits = rest.size();
    for (const std::int32_t at : rest) {
      if (n_exits + n_leaves(at) - 1 > kMostExits) break;
      n_exits += n_leaves(at) - 1;
      absorbed_roots(at);
    }
  }
  void absorbed_roots(std::int32_t root) {
    std::vector<std::int32_t> open{root};
    while (!open.empty()) {
      const std::int32_t at = open.back();
      open.pop_back();
      if (at < 0) continue;
      inner_.insert(at);
      open.push_back(forest_.left[static_cast<std::size_t>(at)]);
      open.push_back(forest_.right[static_cast<std::size_t>(at)]);
    }
  }

  /// An exit that is a part has, for now, the node where it begins.
  TreePart number(std::int32_t root) const {
    struct Visit {
      std::int32_t at;
      std::int32_t right_of;  // position in nodes whose right side begins here, or -1
    };
    TreePart out;
    std::vector<Visit> open{{root, -1}};
    while (!open.empty()) {
      const auto [at, right_of] = open.back();
      open.pop_back();
      const auto exit = static_cast<std::uint8_t>(out.exits.size());
      if (right_of >= 0) out.nodes[static_cast<std::size_t>(right_of)].right = exit;
      if (at < 0) {
        out.exits.push_back({~at, 0});
      } else if (!whole_ && !inner_.contains(at)) {
        out.exits.push_back({-1, static_cast<std::uint32_t>(at)});
      } else {
        const auto node = static_cast<std::size_t>(at);
        out.nodes.push_back({static_cast<std::uint32_t>(at), exit, 0});
        open.push_back({forest_.right[node], static_cast<std::int32_t>(out.nodes.size() - 1)});
        open.push_back({forest_.left[node], -1});
      }
    }
    return out;
  }

  const model::Forest& forest_;
  const std::vector<std::uint32_t>& n_leaves_;
  std::unordered_set<std::int32_t> inner_;
  bool whole_ = false;
};

}  // namespace

std::vector<std::uint32_t> leaves_below(const model::Forest& forest) {
  const std::size_t n = forest.feature.size();
  std::vector<std::uint32_t> out(n);
  std::vector<bool> seen(n);
  const auto visit = [&](std::int32_t at) {
    if (at < 0) return true;
    if (seen[static_cast<std::size_t>(at)]) return false;
    seen[static_cast<std::size_t>(at)] = true;
    return true;
  };
  for (const std::int32_t root : forest.tree_root)
    if (!visit(root)) return {};
  for (std::size_t i = 0; i < n; ++i)
    if (!visit(forest.left[i]) || !visit(forest.right[i])) return {};
  for (std::size_t i = n; i-- > 0;)  // children come after their parent
    for (const std::int32_t child : {forest.left[i], forest.right[i]})
      out[i] += child < 0 ? 1 : out[static_cast<std::size_t>(child)];
  return out;
}

std::vector<TreePart> parts_of_tree(const model::Forest& forest, std::size_t tree,
                                    const std::vector<std::uint32_t>& n_leaves) {
  return Cutter(forest, n_leaves).cut(forest.tree_root[tree]);
}

}  // namespace kolosal::infer
