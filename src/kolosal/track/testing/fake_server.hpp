#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace kolosal::track {

/// An HTTP server for tests: answers one request at a time on a port of this machine by a function, and
/// remembers what was asked.
class FakeServer {
 public:
  struct Request {
    std::string method, target, head, body;
  };
  struct Reply {
    int status = 200;
    std::string body = "{}";
  };
  using Handler = std::function<Reply(const Request&)>;

  /// port 0: any that is free.
  explicit FakeServer(Handler handler, int port = 0);
  ~FakeServer();

  int port() const { return port_; }
  std::string uri() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::vector<Request> requests() const;

 private:
  void serve();
  void answer(int connection);

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::atomic<bool> is_ended_ = false;
  std::thread thread_;
};

}  // namespace kolosal::track
