#include "kolosal/track/tracker.hpp"

#include <atomic>
#include <chrono>
#include <nlohmann/json.hpp>
#include <set>

#include "kolosal/core/testing/matchers.hpp"
#include "kolosal/core/testing/temp_folder.hpp"
#include "kolosal/track/testing/fake_server.hpp"

namespace kolosal::track {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Answers as MLflow does, and keeps what it is told.
struct FakeMlflow {
  std::set<std::string> experiments;
  std::vector<json> metrics, params, tags, ends;
  std::map<std::string, std::string> artifacts;
  std::map<std::string, std::string> fixed_params;  // of an earlier process
  std::string artifact_uri = "mlflow-artifacts:/7/run1/artifacts";
  std::string refused_key;          // of a metric
  std::string fatal_key;            // at which the server fails
  std::atomic<int> n_fatal = 1000;  // so often

  FakeServer::Reply operator()(const FakeServer::Request& request) {
    const json body = json::parse(request.body, nullptr, false);
    if (request.target.starts_with("/api/2.0/mlflow/experiments/get-by-name?experiment_name=")) {
      const std::string name = request.target.substr(request.target.find('=') + 1);
      if (experiments.contains(name)) return {200, R"({"experiment": {"experiment_id": "7"}})"};
      return {404, R"({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such experiment"})"};
    }
    if (request.target == "/api/2.0/mlflow/experiments/create") {
      experiments.insert(body["name"]);
      return {200, R"({"experiment_id": "7"})"};
    }
    if (request.target == "/api/2.0/mlflow/runs/create") {
      for (const json& tag : body["tags"]) tags.push_back(tag);
      return {200, json{{"run", {{"info", {{"run_id", "run1"}, {"artifact_uri", artifact_uri}}}}}}.dump()};
    }
    if (request.target == "/api/2.0/mlflow/runs/log-batch") {
      for (const json& metric : body["metrics"])
        if (metric["key"] == refused_key)
          return {400, R"({"error_code": "INVALID_PARAMETER_VALUE", "message": "that metric is forbidden"})"};
      for (const json& metric : body["metrics"])
        if (metric["key"] == fatal_key && n_fatal-- > 0) return {500, "it broke"};
      for (const json& param : body["params"])
        if (const auto fixed = fixed_params.find(param["key"].get<std::string>());
            fixed != fixed_params.end() && fixed->second != param["value"])
          return {400, R"({"error_code": "INVALID_PARAMETER_VALUE", "message": "params do not change"})"};
      for (const json& metric : body["metrics"]) metrics.push_back(metric);
      for (const json& param : body["params"]) params.push_back(param);
      for (const json& tag : body["tags"]) tags.push_back(tag);
      return {};
    }
    if (request.target == "/api/2.0/mlflow/runs/update") {
      if (body["run_id"] == "deleted")
        return {404, R"({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no such run"})"};
      ends.push_back(body);
      return {};
    }
    constexpr std::string_view kArtifacts = "/api/2.0/mlflow-artifacts/artifacts/";
    if (request.target.starts_with(kArtifacts)) {
      artifacts[request.target.substr(kArtifacts.size())] = request.body;
      return {};
    }
    return {404, R"({"error_code": "ENDPOINT_NOT_FOUND", "message": "no such call"})"};
  }
};

class TrackerTest : public testing::Test {
 protected:
  TrackerOptions options(const std::string& uri) const {
    TrackerOptions out;
    out.uri = uri;
    out.experiment = "test";
    out.spool = folder.path() / "spool" / "one.jsonl";
    out.timeout_s = 0.5;
    out.retry_s = 0.02;
    return out;
  }
  Tracker::Note note() {
    return [this](const std::string& text) {
      const std::lock_guard lock(mutex);
      notes.push_back(text);
    };
  }
  void whole_run(Tracker& tracker) {
    tracker.start({{"who", "test"}});
    tracker.params({{"seed", "1"}});
    for (int step = 0; step < 5; ++step) tracker.metric("auc", 0.5 + 0.1 * step, step);
    tracker.artifact(folder.write("model.kolosal", "the model"), "model.kolosal");
    tracker.document("{}", "result.json");
    tracker.finish(Status::kFinished);
  }
  void expect_whole() const {
    ASSERT_EQ(mlflow.metrics.size(), 5U);
    for (int step = 0; step < 5; ++step) {
      EXPECT_EQ(mlflow.metrics[step]["step"], step);
      EXPECT_DOUBLE_EQ(mlflow.metrics[step]["value"].get<double>(), 0.5 + 0.1 * step);
      EXPECT_GT(mlflow.metrics[step]["timestamp"], 1'600'000'000'000);
    }
    ASSERT_EQ(mlflow.params.size(), 1U);
    EXPECT_EQ(mlflow.params[0]["value"], "1");
    EXPECT_EQ(mlflow.artifacts.at("7/run1/artifacts/model.kolosal"), "the model");
    EXPECT_EQ(mlflow.artifacts.at("7/run1/artifacts/result.json"), "{}");
    ASSERT_EQ(mlflow.ends.size(), 1U);
    EXPECT_EQ(mlflow.ends[0]["status"], "FINISHED");
  }

  TempFolder folder;
  FakeMlflow mlflow;
  std::mutex mutex;
  std::vector<std::string> notes;
};

TEST_F(TrackerTest, SendsAWholeRunInOrder) {
  FakeServer server(std::ref(mlflow));
  Tracker tracker(options(server.uri()), note());
  whole_run(tracker);
  const Report report = tracker.close(5);
  EXPECT_TRUE(report.is_complete);
  EXPECT_EQ(report.run_url, server.uri() + "/#/experiments/7/runs/run1");
  expect_whole();
  EXPECT_THAT(notes, IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(options("").spool));
}

TEST_F(TrackerTest, ManyUpdatesGoInFewCalls) {
  FakeServer server(std::ref(mlflow));
  Tracker tracker(options(server.uri()), note());
  tracker.start({});
  for (int i = 0; i < 5000; ++i) tracker.metric("auc", i, i);
  EXPECT_TRUE(tracker.close(10).is_complete);
  EXPECT_EQ(mlflow.metrics.size(), 5000U);
  EXPECT_LT(server.requests().size(), 30U);
}

TEST_F(TrackerTest, AServerThatComesLateGetsAllAndTheUserIsToldOnce) {
  int port = 0;
  {
    port = FakeServer(std::ref(mlflow)).port();
  }
  Tracker tracker(options("http://127.0.0.1:" + std::to_string(port)), note());
  whole_run(tracker);
  while (!std::filesystem::exists(options("").spool)) std::this_thread::yield();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // some more attempts
  FakeServer server(std::ref(mlflow), port);
  EXPECT_TRUE(tracker.close(10).is_complete);
  expect_whole();
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_THAT(notes[0], HasSubstr("can not be reached (Connection refused)"));
  EXPECT_THAT(notes[1], HasSubstr("is back"));
  EXPECT_FALSE(std::filesystem::exists(options("").spool));
}

TEST_F(TrackerTest, WhatAServerDidNotTakeIsSentFromTheSpool) {
  std::string uri;
  {
    FakeServer server(std::ref(mlflow));
    uri = server.uri();
  }
  Report report;
  {
    Tracker tracker(options(uri), note());
    whole_run(tracker);
    const auto before = std::chrono::steady_clock::now();
    report = tracker.close(0.2);
    EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
  }
  EXPECT_FALSE(report.is_complete);
  EXPECT_EQ(report.n_left, 10U);
  ASSERT_EQ(report.spool, options("").spool);
  FakeServer server(std::ref(mlflow), std::stoi(uri.substr(uri.rfind(':') + 1)));
  EXPECT_TRUE(Tracker::resume(report.spool, note())->close(5).is_complete);
  expect_whole();
  EXPECT_FALSE(std::filesystem::exists(report.spool));
  EXPECT_ERROR(Tracker::resume(report.spool, note()), kNotFound, HasSubstr("one.jsonl"));
  EXPECT_ERROR(Tracker::resume(folder.write("x", "a,b\n"), note()), kData, HasSubstr("no updates"));
}

TEST_F(TrackerTest, AServerThatGoesAwayInTheMiddleKeepsItsRun) {
  auto server = std::make_unique<FakeServer>(std::ref(mlflow));
  const int port = server->port();
  Tracker tracker(options(server->uri()), note());
  tracker.start({});
  tracker.metric("auc", 0.5, 0);
  while (server->requests().size() < 4) std::this_thread::yield();  // found, made, begun, logged
  server.reset();
  tracker.metric("auc", 0.6, 1);
  tracker.finish(Status::kKilled);
  const Report report = tracker.close(0.2);
  EXPECT_EQ(report.n_left, 2U);
  server = std::make_unique<FakeServer>(std::ref(mlflow), port);
  EXPECT_TRUE(Tracker::resume(report.spool, note())->close(5).is_complete);
  EXPECT_EQ(mlflow.metrics.size(), 2U);
  EXPECT_EQ(mlflow.ends.at(0)["run_id"], "run1");
  EXPECT_EQ(mlflow.ends.at(0)["status"], "KILLED");
  for (const auto& request : server->requests()) EXPECT_NE(request.target, "/api/2.0/mlflow/runs/create");
}

TEST_F(TrackerTest, WhatTheServerRefusesIsDroppedAloneAndTold) {
  mlflow.refused_key = "bad";
  FakeServer server(std::ref(mlflow));
  Tracker tracker(options(server.uri()), note());
  tracker.start({});
  for (int i = 0; i < 3; ++i) tracker.metric("good", i, i);
  tracker.metric("bad", 1, 3);
  for (int i = 4; i < 6; ++i) tracker.metric("good", i, i);
  tracker.artifact(folder.path() / "absent.kolosal", "absent.kolosal");
  tracker.finish(Status::kFailed);
  const Report report = tracker.close(5);
  EXPECT_EQ(report.n_left, 0U);
  EXPECT_EQ(report.n_dropped, 2U);
  EXPECT_EQ(mlflow.metrics.size(), 5U);
  EXPECT_EQ(mlflow.ends.at(0)["status"], "FAILED");
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_THAT(notes[0], HasSubstr("that metric is forbidden (HTTP 400)"));
  EXPECT_THAT(notes[1], HasSubstr("absent.kolosal is no longer there"));
}

TEST_F(TrackerTest, ARunThatIsRefusedIsToldOnceAndCostsNothingMore) {
  FakeServer server([](const FakeServer::Request&) {
    return FakeServer::Reply{403, R"({"error_code": "PERMISSION_DENIED", "message": "not you"})"};
  });
  Tracker tracker(options(server.uri()), note());
  whole_run(tracker);
  const Report report = tracker.close(5);
  EXPECT_FALSE(report.is_complete);
  EXPECT_EQ(report.n_dropped, 10U);
  EXPECT_EQ(server.requests().size(), 1U);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("refuses the run: not you (HTTP 403)"));
}

TEST_F(TrackerTest, ASilentServerDoesNotHoldTheCallerUp) {
  FakeServer server([](const FakeServer::Request&) {
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    return FakeServer::Reply{};
  });
  Tracker tracker(options(server.uri()), note());
  const auto before = std::chrono::steady_clock::now();
  whole_run(tracker);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::milliseconds(400));
  const Report report = tracker.close(0.7);
  EXPECT_EQ(report.n_left, 10U);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_THAT(notes[0], HasSubstr("no answer within 0.5 s"));
}

TEST_F(TrackerTest, AFileThatAnotherRunHasWrittenSinceIsNotSentAsThisOnes) {
  std::string uri;
  {
    FakeServer server(std::ref(mlflow));
    uri = server.uri();
  }
  Report report;
  {
    Tracker tracker(options(uri), note());
    whole_run(tracker);
    report = tracker.close(0.1);
  }
  folder.write("model.kolosal", "the model of a later run");
  FakeServer server(std::ref(mlflow), std::stoi(uri.substr(uri.rfind(':') + 1)));
  EXPECT_EQ(Tracker::resume(report.spool, note())->close(5).n_dropped, 1U);
  EXPECT_FALSE(mlflow.artifacts.contains("7/run1/artifacts/model.kolosal"));
  EXPECT_EQ(mlflow.artifacts.at("7/run1/artifacts/result.json"), "{}");
  EXPECT_THAT(notes.back(), HasSubstr("no longer that of the run"));
}

TEST_F(TrackerTest, TheEndOfTheRunDoesNotWaitForTheNextTurn) {
  std::string uri;
  {
    FakeServer server(std::ref(mlflow));
    uri = server.uri();
  }
  TrackerOptions patient = options(uri);
  patient.retry_s = 3600;
  Tracker tracker(patient, note());
  whole_run(tracker);
  while ([&] {
    const std::lock_guard lock(mutex);
    return notes.empty();
  }())
    std::this_thread::yield();  // it was asked once
  FakeServer server(std::ref(mlflow), std::stoi(uri.substr(uri.rfind(':') + 1)));
  EXPECT_TRUE(tracker.close(20).is_complete);
  expect_whole();
}

TEST_F(TrackerTest, AnswersThatAreNotMlflowsEndNothing) {
  for (const char* body : {R"({"error_code": 5})", R"({"experiment": {"experiment_id": null}})", "[1]", ""}) {
    FakeServer server([&](const FakeServer::Request&) { return FakeServer::Reply{404, body}; });
    Tracker tracker(options(server.uri()), note());
    whole_run(tracker);
    EXPECT_FALSE(tracker.close(5).is_complete) << body;
  }
}

TEST_F(TrackerTest, ASpoolThatWasTamperedWithIsSentAsFarAsItMakesSense) {
  FakeServer server(std::ref(mlflow));
  const auto spool = folder.write(
      "spool.jsonl",
      json{{"kolosal_tracking", 1}, {"uri", server.uri()}, {"experiment", "test"}}.dump() +
          "\n{\"op\": 7}\n{\"op\": \"start\", \"start_ms\": 1, \"values\": {}}\n" +
          "{\"op\": \"artifact\"}\n{\"op\": \"finish\", \"status\": \"finished\", \"end_ms\": 2}\n");
  EXPECT_EQ(Tracker::resume(spool, note())->close(5).n_dropped, 1U);
  EXPECT_EQ(mlflow.ends.size(), 1U);
}

TEST_F(TrackerTest, AServerInTroubleIsAskedAgain) {
  int n_left = 3;
  FakeServer server([&](const FakeServer::Request& request) {
    return n_left-- > 0 ? FakeServer::Reply{503, "<html>busy</html>"} : mlflow(request);
  });
  Tracker tracker(options(server.uri()), note());
  whole_run(tracker);
  EXPECT_TRUE(tracker.close(5).is_complete);
  expect_whole();
  EXPECT_THAT(notes.at(0), HasSubstr("<html>busy</html> (HTTP 503)"));
}

TEST_F(TrackerTest, AnUpdateAtWhichTheServerFailsHoldsUpNoOther) {
  mlflow.fatal_key = "bad";
  FakeServer server(std::ref(mlflow));
  Report report;
  {
    Tracker tracker(options(server.uri()), note());
    tracker.start({});
    for (int i = 0; i < 3; ++i) tracker.metric("good", i, i);
    tracker.metric("bad", 1, 3);
    for (int i = 4; i < 6; ++i) tracker.metric("good", i, i);
    tracker.finish(Status::kFinished);
    report = tracker.close(20);
  }
  EXPECT_EQ(mlflow.metrics.size(), 5U);
  EXPECT_EQ(mlflow.ends.size(), 1U);
  EXPECT_EQ(report.n_left, 1U);
  EXPECT_EQ(report.n_dropped, 0U);
  ASSERT_FALSE(report.spool.empty()) << "it is not lost";
  mlflow.n_fatal = 0;
  EXPECT_TRUE(Tracker::resume(report.spool, note())->close(5).is_complete);
  EXPECT_EQ(mlflow.metrics.back()["key"], "bad");
}

TEST_F(TrackerTest, AnUpdateAtWhichTheServerFailsIsTriedAgainBehindTheOthers) {
  mlflow.fatal_key = "bad";
  mlflow.n_fatal = 7;
  FakeServer server(std::ref(mlflow));
  TrackerOptions quick = options(server.uri());
  quick.retry_s = 0.002;
  Tracker tracker(quick, note());
  tracker.start({});
  tracker.metric("bad", 1, 0);
  tracker.metric("good", 1, 1);
  while (mlflow.n_fatal >= 0) std::this_thread::yield();  // until it was taken
  EXPECT_TRUE(tracker.close(5).is_complete);
  ASSERT_EQ(mlflow.metrics.size(), 2U);
  EXPECT_EQ(mlflow.metrics[1]["key"], "bad");
}

TEST_F(TrackerTest, AnEarlierRunIsGoneOnWith) {
  mlflow.fixed_params = {{"seed", "1"}, {"trials", "60"}};
  FakeServer server(std::ref(mlflow));
  TrackerOptions again = options(server.uri());
  again.continued = MlflowClient::RunPlace{"7", "run0", "mlflow-artifacts:/7/run0/artifacts"};
  Tracker tracker(again, note());
  tracker.start({{"who", "test"}});
  tracker.params({{"seed", "1"}, {"trials", "3"}, {"new", "x"}});
  tracker.metric("auc", 0.5, 9);
  tracker.finish(Status::kFinished);
  const Report report = tracker.close(5);
  EXPECT_TRUE(report.is_complete);
  EXPECT_THAT(report.run_url, HasSubstr("runs/run0"));
  EXPECT_EQ(mlflow.params.size(), 2U) << "the one that differs stays as it was";
  EXPECT_EQ(mlflow.ends.at(0)["status"], "RUNNING");
  EXPECT_EQ(mlflow.ends.at(1)["status"], "FINISHED");
  EXPECT_THAT(notes, IsEmpty());
  for (const auto& request : server.requests()) EXPECT_NE(request.target, "/api/2.0/mlflow/runs/create");
}

TEST_F(TrackerTest, AnEarlierRunThatWasDeletedIsMadeAnew) {
  FakeServer server(std::ref(mlflow));
  TrackerOptions again = options(server.uri());
  again.continued = MlflowClient::RunPlace{"7", "deleted", "mlflow-artifacts:/7/deleted/artifacts"};
  Tracker tracker(again, note());
  whole_run(tracker);
  EXPECT_TRUE(tracker.close(5).is_complete);
  ASSERT_TRUE(tracker.place());
  EXPECT_EQ(tracker.place()->run_id, "run1");
  expect_whole();
}

TEST_F(TrackerTest, MetricsThatFindNoRoomAreCounted) {
  TrackerOptions small = options("http://127.0.0.1:1");
  small.max_queued = 10;
  Tracker tracker(small, note());
  tracker.start({});
  for (int i = 0; i < 50; ++i) tracker.metric("auc", i, i);
  tracker.finish(Status::kFinished);  // is kept all the same
  const Report report = tracker.close(0.1);
  EXPECT_EQ(report.n_left, 11U);
  EXPECT_EQ(report.n_dropped, 41U);
}

TEST_F(TrackerTest, ArtifactsThatOnlyTheServerReachesAreANote) {
  mlflow.artifact_uri = "/srv/mlruns/7/run1/artifacts";
  FakeServer server(std::ref(mlflow));
  Tracker tracker(options(server.uri()), note());
  whole_run(tracker);
  EXPECT_EQ(tracker.close(5).n_dropped, 2U);
  ASSERT_FALSE(notes.empty());
  EXPECT_THAT(notes[0], HasSubstr("/srv/mlruns/7/run1/artifacts, which only it can reach"));
}

TEST_F(TrackerTest, PasswordsAreSentAndNotWritten) {
  FakeServer server(std::ref(mlflow));
  Tracker tracker(options("http://ann:secret@127.0.0.1:" + std::to_string(server.port())), note());
  whole_run(tracker);
  EXPECT_EQ(tracker.close(5).run_url.find("secret"), std::string::npos);
  EXPECT_THAT(server.requests().at(0).head, HasSubstr("Authorization: Basic YW5uOnNlY3JldA=="));
}

TEST(Url, IsTakenApart) {
  const Url url = parse_url("http://host:5000/mlflow/");
  EXPECT_EQ(url.host, "host");
  EXPECT_EQ(url.port, "5000");
  EXPECT_EQ(url.path, "/mlflow");
  EXPECT_EQ(parse_url("http://[::1]:80").host, "::1");
  EXPECT_EQ(parse_url("http://a:b@host").original, "http://host:80");
  for (const char* wrong :
       {"", "host:5000", "ftp://host", "http://", "http://host:x", "http://host:5000?a=b", "http://a b"})
    EXPECT_ERROR(parse_url(wrong), kInvalidParameter, HasSubstr("http://host:port"));
  EXPECT_ERROR(parse_url("https://host"), kInvalidParameter, HasSubstr("https"));
  EXPECT_EQ(percent_encoded("a b/ä"), "a%20b%2F%C3%A4");
}

}  // namespace
}  // namespace kolosal::track
