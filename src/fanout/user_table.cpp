#include "fanout/user_table.hpp"

#include <utility>

namespace maru::fanout {

UserTable::~UserTable() {
  std::vector<Registration*> left;
  left.reserve(size_);
  for_each([&](Registration& registration) { left.push_back(&registration); });
  for (Registration* registration : left) delete registration;
}

void UserTable::push(Registration** head, Registration& registration) {
  registration.next = *head;
  registration.link = head;
  if (*head != nullptr) (*head)->link = &registration.next;
  *head = &registration;
}

void UserTable::link(Registration& registration) {
  if (size_ >= buckets_.size()) grow();
  ++size_;
  if (registration.user.is_zero()) {
    push(&nobody_, registration);
  } else {
    push(&buckets_[bucket_of(registration.user)], registration);
  }
}

void UserTable::unlink(Registration& registration) {
  --size_;
  *registration.link = registration.next;
  if (registration.next != nullptr) registration.next->link = registration.link;
}

void UserTable::grow() {
  std::vector<Registration*> old(buckets_.size() * 2, nullptr);
  old.swap(buckets_);
  for (Registration* at : old) {
    while (at != nullptr) {
      Registration* next = at->next;
      push(&buckets_[bucket_of(at->user)], *at);
      at = next;
    }
  }
}

}  // namespace maru::fanout
