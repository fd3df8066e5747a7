#include "kolosal/kernel/machine_advice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "kolosal/core/testing/matchers.hpp"

namespace kolosal::kernel {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Hardware server() {
  Hardware out;
  out.n_logical_cores = out.n_allowed_cores = 16;
  out.n_physical_cores = 8;
  out.l2_bytes = 2 << 20;
  out.memory_available_bytes = out.limit.bytes = std::size_t{32} << 30;
  out.cpu_features = {"avx2", "avx512_vnni"};
  return out;
}

MachineMeasurements measured() {
  MachineMeasurements out;
  out.scaling = {
      {1, 1}, {2, 1.98}, {4, 3.9}, {8, 7.2}, {16, 8.3}};  // the second thread of a core brings little
  out.handover_s = 9e-6;
  const double ns[] = {1, 1, 1.1, 3.5, 3.6, 3.8, 9, 15, 16, 16, 17, 60, 90};
  for (std::size_t i = 0; i < std::size(ns); ++i)
    out.accesses.push_back({std::size_t{16'384} << i, ns[i] * 1e-9});
  return out;
}

TEST(MachineAdvice, UsesThreadsWhileTheyPay) {
  const MachineMeasurements numbers = measured();
  const MachineAdvice advice = advise(server(), &numbers, ServingGoal::kBalanced);
  EXPECT_EQ(advice.n_threads, 8U);
  EXPECT_THAT(advice.reasons, Contains(HasSubstr("8 of 16 threads")));
  EXPECT_EQ(advice.handover_s, 9e-6);
  // Without measurements: the physical cores; never more than what the process may use.
  EXPECT_EQ(advise(server(), nullptr, ServingGoal::kBalanced).n_threads, 8U);
  Hardware small = server();
  small.cpu_quota = 1.5;
  EXPECT_EQ(advise(small, &numbers, ServingGoal::kThroughput).n_threads, 2U);
  EXPECT_THAT(advise(small, nullptr, ServingGoal::kLatency).reasons, Contains(HasSubstr("--measure")));
}

TEST(MachineAdvice, EachGoalPaysForWhatItWants) {
  const MachineMeasurements numbers = measured();
  const Hardware machine = server();
  const auto latency = advise(machine, &numbers, ServingGoal::kLatency),
             throughput = advise(machine, &numbers, ServingGoal::kThroughput),
             memory = advise(machine, &numbers, ServingGoal::kMemory),
             balanced = advise(machine, &numbers, ServingGoal::kBalanced);
  EXPECT_EQ(latency.max_delay_s, 0);
  EXPECT_LT(latency.max_batch_s, balanced.max_batch_s);
  EXPECT_LT(balanced.max_batch_s, throughput.max_batch_s);
  EXPECT_GT(throughput.max_batch_rows, balanced.max_batch_rows);
  EXPECT_EQ(latency.kernel, "lanes");
  EXPECT_EQ(throughput.kernel, "blocks");
  EXPECT_EQ(latency.precision, "float64");
  EXPECT_EQ(throughput.precision, "int8");
  EXPECT_EQ(memory.n_threads, 1U);
  EXPECT_LE(memory.memory_limit_bytes, std::size_t{64} << 20);
  Hardware old = machine;
  old.cpu_features = {"avx2"};
  EXPECT_EQ(advise(old, &numbers, ServingGoal::kThroughput).precision, "float32");
}

TEST(MachineAdvice, BatchesStayInTheCacheThatWasMeasured) {
  const MachineMeasurements numbers = measured();
  EXPECT_THAT(numbers.cache_steps(), ElementsAre(64 << 10, 512 << 10, 16 << 20));
  EXPECT_EQ(advise(server(), nullptr, ServingGoal::kBalanced, 1024).max_batch_rows, 1'024U);
  EXPECT_EQ(advise(server(), &numbers, ServingGoal::kBalanced, 1024).max_batch_rows, 256U);
}

TEST(MachineAdvice, GoalsHaveNames) {
  for (const std::string& name : serving_goal_names()) EXPECT_NO_THROW(serving_goal(name));
  EXPECT_EQ(serving_goal("memory"), ServingGoal::kMemory);
  EXPECT_ERROR(serving_goal("speed"), kInvalidParameter, HasSubstr("latency, throughput, memory, balanced"));
}

TEST(MachineMeasurements, OfThisMachineAreThereAndSurviveTheirJson) {
  ThreadPool pool(2);
  Context context;
  context.pool = &pool;
  context.n_threads = 2;
  Hardware machine = server();
  const MachineMeasurements numbers = measure_machine(machine, context);
  EXPECT_GT(numbers.memory_bytes_per_s, 0);
  EXPECT_GE(numbers.memory_bytes_per_s_all_threads, numbers.memory_bytes_per_s);
  EXPECT_GT(numbers.dot_flops, 0);
  EXPECT_GT(numbers.product_flops, 0);
  EXPECT_GT(numbers.handover_s, 0);
  ASSERT_EQ(numbers.accesses.size(), 13U);
  ASSERT_EQ(numbers.scaling.size(), 2U);
  EXPECT_EQ(numbers.scaling[0].speedup, 1);
  const auto again = MachineMeasurements::from_json(numbers.to_json());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->to_json(), numbers.to_json());
  EXPECT_FALSE(MachineMeasurements::from_json({{"scaling", 3}}));
}

TEST(MachineMeasurements, StopsWhenAsked) {
  CancelToken cancel;
  cancel.cancel();
  Context context;
  context.cancel = &cancel;
  EXPECT_TRUE(measure_machine(server(), context).accesses.empty());
}

}  // namespace
}  // namespace kolosal::kernel
