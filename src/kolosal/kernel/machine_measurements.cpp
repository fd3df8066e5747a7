#include "kolosal/kernel/machine_measurements.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "kolosal/core/random.hpp"
#include "kolosal/kernel/float_products.hpp"
#include "kolosal/kernel/vector_ops.hpp"

namespace kolosal::kernel {
namespace {

constexpr double kBudget = 0.04;  // seconds for one figure
constexpr std::size_t kLine = 64;

/// The least seconds of a run: three at least, and more while they take less than the budget together.
double best_seconds(const Clock& clock, const std::function<void()>& run) {
  double best = std::numeric_limits<double>::infinity();
  const double start_s = clock.now_s();
  for (int i = 0; i < 3 || (i < 200 && clock.now_s() - start_s < kBudget); ++i) {
    const double before_s = clock.now_s();
    run();
    best = std::min(best, clock.now_s() - before_s);
  }
  return best;
}

/// Keeps the compiler from leaving out what gives a number that nobody wants.
void use(double value) {
  static std::atomic<double> sink{0};
  sink.store(value, std::memory_order_relaxed);
}

double per_second(double amount, double seconds) { return seconds > 0 ? amount / seconds : 0; }

/// Bytes a second that threads read, by dot products of two arrays that no cache holds.
double read_speed(const std::vector<double>& numbers, const Context& context, const Clock& clock) {
  const std::size_t half = numbers.size() / 2, block = 1 << 16;
  std::vector<double> sums((half + block - 1) / block);
  const double seconds = best_seconds(clock, [&] {
    context.parallel_blocks(half, block, [&](std::size_t begin, std::size_t end) {
      sums[begin / block] = dot(numbers.data() + begin, numbers.data() + half + begin, end - begin);
    });
  });
  use(sums[0]);
  return per_second(static_cast<double>(2 * half * sizeof(double)), seconds);
}

/// Seconds until a number from memory of so many bytes is there. Each one tells where the next is.
double access_seconds(std::size_t n_bytes, const Clock& clock) {
  struct alignas(kLine) Place {
    std::uint32_t next = 0;
  };
  // Sattolo's shuffle (1986) makes one cycle of all places, so that no part is gone through by itself.
  std::vector<Place> places(n_bytes / kLine);
  for (std::size_t i = 0; i < places.size(); ++i) places[i].next = static_cast<std::uint32_t>(i);
  Rng rng(n_bytes);
  for (std::size_t i = places.size() - 1; i > 0; --i) std::swap(places[i].next, places[rng.below(i)].next);
  constexpr std::size_t kSteps = 20'000;
  std::uint32_t at = 0;
  const auto walk = [&](std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) at = places[at].next;
  };
  walk(places.size());
  const double seconds = best_seconds(clock, [&] { walk(kSteps); });
  use(at);
  return seconds / static_cast<double>(kSteps);
}

/// A run of dot products that stay in the first cache; twice 8 kB.
constexpr std::size_t kDotLength = 1'024, kDots = 4'000;
void run_dots(const std::vector<double>& numbers) {
  double sum = 0;
  for (std::size_t i = 0; i < kDots; ++i) sum += dot(numbers.data(), numbers.data() + kDotLength, kDotLength);
  use(sum);
}

double dot_speed(const Clock& clock) {
  const std::vector<double> numbers(2 * kDotLength, 0.5);
  const double seconds = best_seconds(clock, [&] { run_dots(numbers); });
  return per_second(2.0 * kDotLength * kDots, seconds);
}

double product_speed(const Clock& clock) {
  constexpr std::size_t kSize = 256;
  const std::vector<float> a(kSize * kSize, 0.5F);
  std::vector<float> panels(panels_size(kSize, kSize)), out(kSize * kSize);
  pack_panels(a.data(), kSize, 1, kSize, kSize, panels.data());
  const double seconds = best_seconds(clock, [&] {
    add_products({a.data(), kSize, 1}, kSize, panels.data(), kSize, kSize, out.data(), kSize);
  });
  use(out[0]);
  return per_second(2.0 * kSize * kSize * kSize, seconds);
}

std::vector<MachineMeasurements::Scaling> scaling_of_threads(const Context& context, const Clock& clock) {
  std::vector<MachineMeasurements::Scaling> out;
  const std::size_t most = context.pool ? std::min(context.n_threads, context.pool->n_threads()) : 1;
  const std::vector<double> numbers(2 * kDotLength, 0.5);
  double alone_s = 0;
  for (std::size_t n = 1; n <= most && !context.should_stop(); n = n < most ? std::min(2 * n, most) : n + 1) {
    const double seconds = best_seconds(clock, [&] {
      if (n == 1) return run_dots(numbers);
      context.pool->for_each(n, n, [&](std::size_t) { run_dots(numbers); });
    });
    if (n == 1) alone_s = seconds;
    out.push_back({n, seconds > 0 ? static_cast<double>(n) * alone_s / seconds : 1});
  }
  return out;
}

/// Two threads that wake each other in turn.
double handover_seconds(const Context& context, const Clock& clock) {
  if (!context.pool || std::min(context.n_threads, context.pool->n_threads()) < 2) return 0;
  constexpr int kTurns = 200;
  const double seconds = best_seconds(clock, [&] {
    std::mutex mutex;
    std::condition_variable changed;
    int turn = 0;
    context.pool->for_each(2, 2, [&](std::size_t i) {
      std::unique_lock lock(mutex);
      for (int k = static_cast<int>(i); k < kTurns; k += 2) {
        changed.wait(lock, [&] { return turn == k; });
        ++turn;
        changed.notify_one();
      }
    });
  });
  return seconds / kTurns;
}

}  // namespace

std::vector<std::size_t> MachineMeasurements::cache_steps() const {
  constexpr double kStep = 1.5;
  std::vector<std::size_t> out;
  double flat = accesses.empty() ? 0 : accesses[0].seconds;
  bool is_rising = false;
  for (std::size_t i = 1; i < accesses.size(); ++i) {
    // A cache that is partly full makes several steps in a row: its end is where they begin.
    const bool rises = accesses[i].seconds > kStep * flat;
    if (rises && !is_rising) out.push_back(accesses[i - 1].bytes);
    is_rising = accesses[i].seconds > kStep * accesses[i - 1].seconds;
    flat = rises ? accesses[i].seconds : std::min(flat, accesses[i].seconds);
  }
  return out;
}

MachineMeasurements measure_machine(const Hardware& machine, const Context& context, const Clock& clock) {
  MachineMeasurements out;
  out.dot_flops = dot_speed(clock);
  out.product_flops = product_speed(clock);
  out.scaling = scaling_of_threads(context, clock);
  out.handover_s = handover_seconds(context, clock);
  for (std::size_t bytes = 16 << 10; bytes <= (std::size_t{64} << 20) && !context.should_stop(); bytes *= 2)
    out.accesses.push_back({bytes, access_seconds(bytes, clock)});
  if (context.should_stop()) return out;
  const std::size_t bytes = std::clamp<std::size_t>(2 * machine.l3_bytes, 64 << 20, 256 << 20);
  const std::vector<double> numbers(bytes / sizeof(double), 0.5);
  out.memory_bytes_per_s = read_speed(numbers, context.single_threaded(), clock);
  out.memory_bytes_per_s_all_threads = std::max(out.memory_bytes_per_s, read_speed(numbers, context, clock));
  return out;
}

nlohmann::json MachineMeasurements::to_json() const {
  auto access_list = nlohmann::json::array(), scaling_list = nlohmann::json::array();
  for (const Access& access : accesses)
    access_list.push_back({{"bytes", access.bytes}, {"seconds", access.seconds}});
  for (const Scaling& entry : scaling)
    scaling_list.push_back({{"threads", entry.n_threads}, {"speedup", entry.speedup}});
  return {{"memory_bytes_per_s", memory_bytes_per_s},
          {"memory_bytes_per_s_all_threads", memory_bytes_per_s_all_threads},
          {"accesses", std::move(access_list)},
          {"cache_steps_bytes", cache_steps()},
          {"scaling", std::move(scaling_list)},
          {"dot_flops", dot_flops},
          {"product_flops", product_flops},
          {"handover_s", handover_s}};
}

std::optional<MachineMeasurements> MachineMeasurements::from_json(const nlohmann::json& json) {
  try {
    MachineMeasurements out;
    json.at("memory_bytes_per_s").get_to(out.memory_bytes_per_s);
    json.at("memory_bytes_per_s_all_threads").get_to(out.memory_bytes_per_s_all_threads);
    for (const auto& access : json.at("accesses"))
      out.accesses.push_back({access.at("bytes").get<std::size_t>(), access.at("seconds").get<double>()});
    for (const auto& entry : json.at("scaling"))
      out.scaling.push_back({entry.at("threads").get<std::size_t>(), entry.at("speedup").get<double>()});
    json.at("dot_flops").get_to(out.dot_flops);
    json.at("product_flops").get_to(out.product_flops);
    json.at("handover_s").get_to(out.handover_s);
    return out;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

}  // namespace kolosal::kernel
