// What both servers do, against RabbitMQ: `STOMP_TARGET=rabbitmq node --test conformance/stomp/reference.js`.

import "./connect.test.js";
import "./rooms.test.js";
import "./bodies.test.js";
import "./queues.test.js";
import "./transactions.test.js";
import "./heartbeats.test.js";
import "./ends.test.js";
import "./python.test.js";
