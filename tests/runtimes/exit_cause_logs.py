"""Logs as the programs of the field write them, each with the line that says why it ended."""

from __future__ import annotations

LOGS: dict[str, tuple[str, str]] = {
    "Python, after a count of no errors": (
        "Loading weights.bin ... 0 errors, 0 warnings\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/serve.py", line 12, in <module>\n'
        "    main()\n"
        "OSError: weights.bin is truncated",
        "OSError: weights.bin is truncated",
    ),
    "Python, a chain": (
        "Traceback (most recent call last):\n"
        '  File "/srv/serve.py", line 3, in load\n'
        "    model['w']\n"
        "    ~~~~~^^^^^\n"
        "KeyError: 'w'\n"
        "\n"
        "The above exception was the direct cause of the following exception:\n"
        "\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/serve.py", line 9, in <module>\n'
        "    raise LoadError('no weights in model') from error\n"
        "LoadError: no weights in model",
        "LoadError: no weights in model",
    ),
    "Python, an exception of a library's own name": (
        "Traceback (most recent call last):\n"
        '  File "/srv/serve.py", line 9, in <module>\n'
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge\n"
        "sys:1: ResourceWarning: unclosed file <_io.BufferedReader name=5>",
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
    ),
    "Python, a syntax error without a traceback": (
        "  File \"/srv/serve.py\", line 4\n    def load(\n            ^\nSyntaxError: '(' was never closed",
        "SyntaxError: '(' was never closed",
    ),
    "Python, a group of exceptions": (
        "  + Exception Group Traceback (most recent call last):\n"
        '  |   File "/srv/serve.py", line 8, in <module>\n'
        "  |     asyncio.run(main())\n"
        "  | ExceptionGroup: unhandled errors in a TaskGroup (1 sub-exception)\n"
        "  +-+---------------- 1 ----------------\n"
        "    | Traceback (most recent call last):\n"
        '    |   File "/srv/serve.py", line 5, in load\n'
        "    | FileNotFoundError: [Errno 2] No such file or directory: '/m/model.pt'\n"
        "    +------------------------------------",
        "FileNotFoundError: [Errno 2] No such file or directory: '/m/model.pt'",
    ),
    "Python, an exception that is ignored at the end": (
        "ERROR:serve:the licence of the model has ended\n"
        "Exception ignored in: <function Pool.__del__ at 0x7f1>\n"
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3.11/pool.py", line 271, in __del__\n'
        "    self._change_notifier.put(None)\n"
        "ImportError: sys.meta_path is None, Python is likely shutting down",
        "ERROR:serve:the licence of the model has ended",
    ),
    "Python, a client that went away before a fatal line": (
        "----------------------------------------\n"
        "Exception occurred during processing of request from ('127.0.0.1', 51022)\n"
        "Traceback (most recent call last):\n"
        '  File "/usr/lib/python3.11/socketserver.py", line 691, in process_request_thread\n'
        "ConnectionResetError: [Errno 104] Connection reset by peer\n"
        "----------------------------------------\n"
        "FATAL: cannot open model",
        "FATAL: cannot open model",
    ),
    "Python, logging with a level in the middle": (
        "2026-01-09 10:00:00,123 - serve - INFO - starting, 0 failed\n"
        "2026-01-09 10:00:01,123 - serve - ERROR - the model has 3 layers, 4 are needed\n"
        "2026-01-09 10:00:01,124 - serve - INFO - bye",
        "2026-01-09 10:00:01,123 - serve - ERROR - the model has 3 layers, 4 are needed",
    ),
    "argparse": (
        "usage: serve.py [-h] --model MODEL\nserve.py: error: the following arguments are required: --model",
        "serve.py: error: the following arguments are required: --model",
    ),
    "a built-in server that refuses its model": (
        "INFO The environment is complete.\nerror: model.skops cannot be read as a model: BadZipFile: not a zip file",
        "error: model.skops cannot be read as a model: BadZipFile: not a zip file",
    ),
    "rich": (
        "╭───────────── Traceback (most recent call last) ─────────────╮\n"
        "│ /srv/serve.py:4 in main                                      │\n"
        "│ ❱ 4     raise ValueError('no tokenizer')                     │\n"
        "╰──────────────────────────────────────────────────────────────╯\n"
        "ValueError: no tokenizer",
        "ValueError: no tokenizer",
    ),
    "uvicorn, a start that failed": (
        "INFO:     Started server process [71]\n"
        "INFO:     Waiting for application startup.\n"
        "ERROR:    Traceback (most recent call last):\n"
        '  File "/env/lib/starlette/routing.py", line 732, in lifespan\n'
        "    async with self.lifespan_context(app) as maybe_state:\n"
        "RuntimeError: no GPU is left\n"
        "\n"
        "ERROR:    Application startup failed. Exiting.",
        "RuntimeError: no GPU is left",
    ),
    "uvicorn, an address in use": (
        "INFO:     Application startup complete.\n"
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use\n"
        "INFO:     Waiting for application shutdown.",
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
    ),
    "uvicorn, an application that is not there": (
        'ERROR:    Error loading ASGI app. Could not import module "app".',
        'ERROR:    Error loading ASGI app. Could not import module "app".',
    ),
    "uvicorn, a request that failed long before": (
        "ERROR:    Exception in ASGI application\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/app.py", line 4, in predict\n'
        "ZeroDivisionError: division by zero\n"
        'INFO:     127.0.0.1:51022 - "POST /predict HTTP/1.1" 500 Internal Server Error\n'
        "The licence server refuses this machine",
        "The licence server refuses this machine",
    ),
    "gunicorn": (
        "[2026-01-09 10:00:00 +0000] [7] [INFO] Starting gunicorn 23.0.0\n"
        "[2026-01-09 10:00:00 +0000] [8] [ERROR] Exception in worker process\n"
        "Traceback (most recent call last):\n"
        '  File "/env/lib/gunicorn/arbiter.py", line 608, in spawn_worker\n'
        "    worker.init_process()\n"
        "ModuleNotFoundError: No module named 'torch'\n"
        "[2026-01-09 10:00:00 +0000] [8] [INFO] Worker exiting (pid: 8)\n"
        "[2026-01-09 10:00:00 +0000] [7] [ERROR] Worker (pid:8) exited with code 3\n"
        "[2026-01-09 10:00:00 +0000] [7] [ERROR] Shutting down: Master\n"
        "[2026-01-09 10:00:00 +0000] [7] [ERROR] Reason: Worker failed to boot.",
        "ModuleNotFoundError: No module named 'torch'",
    ),
    "gunicorn, a port that is taken": (
        "[2026-01-09 10:00:00 +0000] [7] [ERROR] Connection in use: ('127.0.0.1', 8000)\n"
        "[2026-01-09 10:00:05 +0000] [7] [ERROR] Can't connect to ('127.0.0.1', 8000)",
        "[2026-01-09 10:00:05 +0000] [7] [ERROR] Can't connect to ('127.0.0.1', 8000)",
    ),
    "TensorFlow, notices before the traceback": (
        "W0000 00:00:1736416800.1 12 cpu_feature_guard.cc:210] rebuild with AVX2\n"
        "E0000 00:00:1736416800.2 12 cuda_blas.cc:1418] Unable to register cuBLAS factory: already registered\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/serve.py", line 7, in <module>\n'
        "RuntimeError: shape (3, 4) expected",
        "RuntimeError: shape (3, 4) expected",
    ),
    "TensorFlow, notices and nothing else": (
        "the folder /m holds no SavedModel\n"
        "2026-01-09 10:00:00.1: E external/local_xla/xla/stream_executor/cuda/cuda_dnn.cc:9261] Unable to register "
        "cuDNN factory: Attempting to register factory for plugin cuDNN when one has already been registered",
        "the folder /m holds no SavedModel",
    ),
    "TensorFlow Serving": (
        "2026-01-09 10:00:00.1: E tensorflow_serving/util/retrier.cc:37] Loading servable failed: not found\n"
        "2026-01-09 10:00:00.2: F tensorflow_serving/server.cc:12] Check failed: model_base_path is empty",
        "2026-01-09 10:00:00.2: F tensorflow_serving/server.cc:12] Check failed: model_base_path is empty",
    ),
    "PyTorch, no memory on the GPU": (
        "/env/lib/torch/cuda/__init__.py:118: UserWarning: CUDA initialization: error 804 (Triggered internally)\n"
        "  return torch._C._cuda_getDeviceCount() > 0\n"
        "Traceback (most recent call last):\n"
        '  File "/srv/serve.py", line 31, in <module>\n'
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ),
    "PyTorch, a rank of torchrun": (
        "[rank0]: Traceback (most recent call last):\n"
        '[rank0]:   File "/srv/serve.py", line 31, in <module>\n'
        "[rank0]: RuntimeError: Error(s) in loading state_dict for Net\n"
        "E0109 10:00:00.123 71 torch/distributed/elastic/multiprocessing/api.py:833] failed (exitcode: 1) rank: 0\n"
        "Traceback (most recent call last):\n"
        '  File "/env/bin/torchrun", line 8, in <module>\n'
        "torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n"
        "============================================================",
        "RuntimeError: Error(s) in loading state_dict for Net",
    ),
    "vLLM": (
        "(EngineCore_0 pid=91) ERROR 01-09 10:00:01 [core.py:700] EngineCore failed to start.\n"
        "(EngineCore_0 pid=91) ERROR 01-09 10:00:01 [core.py:700] Traceback (most recent call last):\n"
        '(EngineCore_0 pid=91) ERROR 01-09 10:00:01 [core.py:700]   File "/env/vllm/core.py", line 691, in run\n'
        "(EngineCore_0 pid=91) ERROR 01-09 10:00:01 [core.py:700] ValueError: No available memory for the cache\n"
        "Traceback (most recent call last):\n"
        '  File "/env/bin/vllm", line 10, in <module>\n'
        "RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}",
        "ValueError: No available memory for the cache",
    ),
    "llama.cpp": (
        "gguf_init_from_file: failed to open GGUF file 'models/m.gguf'\n"
        "llama_model_load: error loading model: failed to load model from models/m.gguf\n"
        "llama_model_load_from_file_impl: failed to load model\n"
        "srv    load_model: failed to load model, 'models/m.gguf'\n"
        "main: exiting due to model loading error",
        "llama_model_load: error loading model: failed to load model from models/m.gguf",
    ),
    "llama.cpp, an assertion": (
        "llama_context: n_ctx = 4096\n/src/ggml.c:1234: GGML_ASSERT(ctx->mem_buffer != NULL) failed\nAborted",
        "/src/ggml.c:1234: GGML_ASSERT(ctx->mem_buffer != NULL) failed",
    ),
    "Triton": (
        "I0109 10:00:00.100 1 server.cc:674] +--------+---------+\n"
        "E0109 10:00:00.200 1 model_lifecycle.cc:642] failed to load 'net' version 1: Internal: no such file\n"
        "I0109 10:00:00.300 1 server.cc:345] Timeout 30: Found 0 live models and 0 in-flight non-inference requests\n"
        "error: creating server: Internal - failed to load all models",
        "error: creating server: Internal - failed to load all models",
    ),
    "Java, the last cause": (
        'Exception in thread "main" java.lang.IllegalStateException: cannot start\n'
        "\tat com.example.Serve.main(Serve.java:12)\n"
        "Caused by: java.lang.RuntimeException: cannot load the model\n"
        "\t... 1 more\n"
        "Caused by: java.io.FileNotFoundException: /m/model.zip (No such file or directory)\n"
        "\tat java.base/java.io.FileInputStream.open0(Native Method)\n"
        "\t... 3 more",
        "Caused by: java.io.FileNotFoundException: /m/model.zip (No such file or directory)",
    ),
    "Spring Boot": (
        "2026-01-09T10:00:00.123Z  INFO 1 --- [main] c.e.Serve : Starting Serve\n"
        "2026-01-09T10:00:01.123Z ERROR 1 --- [main] o.s.boot.SpringApplication : Application run failed\n"
        "\n"
        "org.springframework.context.ApplicationContextException: Failed to start bean 'webServer'\n"
        "\tat org.springframework.boot.SpringApplication.run(SpringApplication.java:343)\n"
        "Caused by: org.springframework.boot.web.server.PortInUseException: Port 8080 is already in use",
        "Caused by: org.springframework.boot.web.server.PortInUseException: Port 8080 is already in use",
    ),
    "Go, a panic": (
        "2026/01/09 10:00:00 loading\n"
        "panic: runtime error: index out of range [5] with length 3\n"
        "\n"
        "goroutine 1 [running]:\n"
        "main.main()\n"
        "\t/src/main.go:9 +0x1d\n"
        "exit status 2",
        "panic: runtime error: index out of range [5] with length 3",
    ),
    "Go, log.Fatal": (
        "2026/01/09 10:00:00 loading\n2026/01/09 10:00:00 listen tcp :8000: bind: address already in use",
        "2026/01/09 10:00:00 listen tcp :8000: bind: address already in use",
    ),
    "Go, zap": (
        '{"level":"info","error":null,"msg":"start"}\n{"level":"fatal","msg":"no space for the cache"}',
        "no space for the cache",
    ),
    "Go, logrus": (
        'time="2026-01-09T10:00:00Z" level=info msg="errors so far: 0"\n'
        'time="2026-01-09T10:00:01Z" level=fatal msg="cannot open \\"m.bin\\""',
        'cannot open "m.bin"',
    ),
    "Node, an exception": (
        "/srv/server.js:5\n"
        "    throw new Error('no model at /m');\n"
        "    ^\n"
        "\n"
        "Error: no model at /m\n"
        "    at Object.<anonymous> (/srv/server.js:5:9)\n"
        "\n"
        "Node.js v20.11.1",
        "Error: no model at /m",
    ),
    "Node, a module that is missing": (
        "node:internal/modules/esm/resolve:854\n"
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'express' imported from /srv/server.js\n"
        "    at packageResolve (node:internal/modules/esm/resolve:854:9) {\n"
        "  code: 'ERR_MODULE_NOT_FOUND'\n"
        "}",
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'express' imported from /srv/server.js",
    ),
    "Node, pino": (
        '{"level":30,"time":1736416800000,"msg":"listening","failed":0}\n'
        '{"level":60,"time":1736416801000,"err":{"type":"Error","message":"EACCES"},"msg":"cannot read the model"}',
        "cannot read the model: EACCES",
    ),
    "nginx": (
        '2026/01/09 10:00:00 [notice] 1#1: using the "epoll" event method\n'
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
        "nginx: [emerg] bind() to 0.0.0.0:80 failed (13: Permission denied)",
    ),
    "a shell": ("/bin/sh: 1: serve: not found", "/bin/sh: 1: serve: not found"),
    "bash": (
        "+ exec /srv/start.sh\nbash: line 1: /srv/start.sh: Permission denied",
        "bash: line 1: /srv/start.sh: Permission denied",
    ),
    "C++, an exception": (
        "loading\n"
        "terminate called after throwing an instance of 'std::runtime_error'\n"
        "  what():  cannot map model.bin\n"
        "Aborted (core dumped)",
        "terminate called after throwing an instance of 'std::runtime_error' what():  cannot map model.bin",
    ),
    "Rust, a panic": (
        "2026-01-09T10:00:00Z  INFO router: Starting\n"
        "thread 'main' panicked at src/main.rs:10:5:\n"
        "called `Option::unwrap()` on a `None` value\n"
        "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
        "thread 'main' panicked at src/main.rs:10:5: called `Option::unwrap()` on a `None` value",
    ),
    "Rust, anyhow": (
        "Error: cannot load the model\n\nCaused by:\n    No such file or directory (os error 2)",
        "Error: cannot load the model",
    ),
    ".NET": (
        "Unhandled exception. System.IO.FileNotFoundException: Could not find file '/m/net.onnx'.\n"
        "   at Serve.Program.Main(String[] args) in /src/Program.cs:line 12",
        "Unhandled exception. System.IO.FileNotFoundException: Could not find file '/m/net.onnx'.",
    ),
    "colours": (
        "\x1b[1mstart\x1b[0m\n\x1b[31mERROR\x1b[0m checkpoint not found\n\x1b[33mWARNING\x1b[0m bye",
        "ERROR checkpoint not found",
    ),
    "a title for the terminal, and a colour in an exception": (
        "\x1b]0;serve\x07\x1b[35mValueError\x1b[0m: \x1b[35mno such layer\x1b[0m",
        "ValueError: no such layer",
    ),
    "a level that is only spoken of": (
        "INFO the client got ERROR 500 before\nWARNING 3 retries failed\n0 failed, 0 errors\nstopping: no peers",
        "stopping: no peers",
    ),
    "warnings alone": (
        "cannot find peers\n/srv/a.py:3: DeprecationWarning: error() is deprecated\n[WARN] nothing failed",
        "cannot find peers",
    ),
    "a fatal line long after an exception that was survived": (
        "Traceback (most recent call last):\n"
        "ImportError: flash_attn is not installed\n"
        + "\n".join(f"INFO layer {number} loaded" for number in range(20))
        + "\nCRITICAL: no licence for 20 layers",
        "CRITICAL: no licence for 20 layers",
    ),
}
