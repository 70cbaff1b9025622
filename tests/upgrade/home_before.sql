BEGIN TRANSACTION;
CREATE TABLE "auth_group" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(150) NOT NULL UNIQUE);
CREATE TABLE "auth_group_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "group_id" integer NOT NULL REFERENCES "auth_group" ("id") DEFERRABLE INITIALLY DEFERRED, "permission_id" integer NOT NULL REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "auth_permission" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "content_type_id" integer NOT NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "codename" varchar(100) NOT NULL, "name" varchar(255) NOT NULL);
CREATE TABLE "axes_accessattempt" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_agent" varchar(255) NOT NULL, "ip_address" char(39) NULL, "username" varchar(255) NULL, "http_accept" varchar(1025) NOT NULL, "path_info" varchar(255) NOT NULL, "attempt_time" datetime NOT NULL, "get_data" text NOT NULL, "post_data" text NOT NULL, "failures_since_start" integer unsigned NOT NULL CHECK ("failures_since_start" >= 0));
CREATE TABLE "axes_accessattemptexpiration" ("access_attempt_id" integer NOT NULL PRIMARY KEY REFERENCES "axes_accessattempt" ("id") DEFERRABLE INITIALLY DEFERRED, "expires_at" datetime NOT NULL);
CREATE TABLE "axes_accessfailurelog" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_agent" varchar(255) NOT NULL, "ip_address" char(39) NULL, "username" varchar(255) NULL, "http_accept" varchar(1025) NOT NULL, "path_info" varchar(255) NOT NULL, "attempt_time" datetime NOT NULL, "locked_out" bool NOT NULL);
CREATE TABLE "axes_accesslog" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_agent" varchar(255) NOT NULL, "ip_address" char(39) NULL, "username" varchar(255) NULL, "http_accept" varchar(1025) NOT NULL, "path_info" varchar(255) NOT NULL, "attempt_time" datetime NOT NULL, "logout_time" datetime NULL, "session_hash" varchar(64) NOT NULL);
CREATE TABLE "deployments_artifact" ("id" char(32) NOT NULL PRIMARY KEY, "name" varchar(256) NOT NULL, "kind" varchar(16) NOT NULL, "url" varchar(1024) NOT NULL, "description" text NOT NULL, "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)), "size" bigint unsigned NULL CHECK ("size" >= 0), "sha256" varchar(64) NOT NULL, "created_at" datetime NOT NULL, "changed_at" datetime NOT NULL, "created_by_id" bigint NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "resource_group_id" varchar(253) NOT NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED, "scenario_id" varchar(64) NOT NULL REFERENCES "deployments_scenario" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "deployments_artifact" VALUES('ae7ddb30046845fe8024481addbe5b1c','model-1','model','https://models.example.com/1','','{}',NULL,'','2026-11-25 09:33:38.229648','2026-11-25 09:33:38.229667',NULL,'default','talking');
INSERT INTO "deployments_artifact" VALUES('05dbf94a3d594ab9be76c0fb697b3907','model-4','model','https://models.example.com/4','','{}',NULL,'','2026-11-25 09:33:38.255056','2026-11-25 09:33:38.255078',NULL,'default','talking');
INSERT INTO "deployments_artifact" VALUES('3938315c067740f4824de519f38ae80f','model-7','model','https://models.example.com/7','','{}',NULL,'','2026-11-25 09:33:38.282219','2026-11-25 09:33:38.282236',NULL,'default','talking');
CREATE TABLE "deployments_attempt" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer unsigned NOT NULL CHECK ("number" >= 0), "started_at" datetime DEFAULT (STRFTIME('%Y-%m-%d %H:%M:%f', 'NOW')) NOT NULL, "ended_at" datetime NULL, "step" varchar(16) NOT NULL, "exit_reason" varchar(16) NOT NULL, "exit_code" integer NULL, "exit_signal" integer unsigned NULL CHECK ("exit_signal" >= 0), "message" text NOT NULL, "first_error" text NOT NULL, "replica_id" bigint NOT NULL REFERENCES "deployments_replica" ("id") DEFERRABLE INITIALLY DEFERRED, "first_error_at" datetime NULL, CONSTRAINT "attempt_once" UNIQUE ("replica_id", "number"));
INSERT INTO "deployments_attempt" VALUES(1,1,'2026-11-25 09:33:38.280','2026-11-20 12:00:00','STARTING','EXITED',1,NULL,'While it was starting: The server ended with exit code 1.','ValueError: no model',2,NULL);
CREATE TABLE "deployments_auditentry" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "at" datetime NOT NULL, "actor" varchar(256) NOT NULL, "action" varchar(64) NOT NULL, "kind" varchar(32) NOT NULL, "object_id" varchar(253) NOT NULL, "name" varchar(256) NOT NULL, "group" varchar(253) NOT NULL, "before" text NULL CHECK ((JSON_VALID("before") OR "before" IS NULL)), "after" text NULL CHECK ((JSON_VALID("after") OR "after" IS NULL)), "channel" varchar(16) NOT NULL, "address" char(39) NULL);
CREATE TABLE "deployments_configuration" ("id" char(32) NOT NULL PRIMARY KEY, "name" varchar(256) NOT NULL, "parameters" text NOT NULL CHECK ((JSON_VALID("parameters") OR "parameters" IS NULL)), "inputs" text NOT NULL CHECK ((JSON_VALID("inputs") OR "inputs" IS NULL)), "created_at" datetime NOT NULL, "created_by_id" bigint NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "executable_id" varchar(64) NOT NULL REFERENCES "deployments_executable" ("id") DEFERRABLE INITIALLY DEFERRED, "resource_group_id" varchar(253) NOT NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED, "scenario_id" varchar(64) NOT NULL REFERENCES "deployments_scenario" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "deployments_configuration" VALUES('415b71b00e504972bea198349e880f4a','running','{"greeting": "hello", "threads": "2", "topic": "weather"}','{"model": "ae7ddb30-0468-45fe-8024-481addbe5b1c"}','2026-11-25 09:33:38.230098',NULL,'talker','default','talking');
INSERT INTO "deployments_configuration" VALUES('6398461ed0fc4ad09ae8d291f6e6667d','broken','{"greeting": "hello", "threads": "2", "topic": "weather"}','{"model": "05dbf94a-3d59-4ab9-be76-c0fb697b3907"}','2026-11-25 09:33:38.255385',NULL,'talker','default','talking');
INSERT INTO "deployments_configuration" VALUES('bac35dd6a70d4a01b792efb73e8bc20d','waiting','{"greeting": "hello", "threads": "2", "topic": "weather"}','{"model": "3938315c-0677-40f4-824d-e519f38ae80f"}','2026-11-25 09:33:38.282471',NULL,'talker','default','talking');
CREATE TABLE "deployments_connection" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(64) NOT NULL UNIQUE, "runtime" varchar(32) NOT NULL, "options" text NOT NULL CHECK ((JSON_VALID("options") OR "options" IS NULL)), "created_at" datetime NOT NULL);
INSERT INTO "deployments_connection" VALUES(1,'local','local','{}','2026-11-25 09:33:38.174081');
CREATE TABLE "deployments_deployment" ("id" varchar(64) NOT NULL PRIMARY KEY, "created_at" datetime NOT NULL, "created_by" varchar(256) NOT NULL, "ttl" varchar(8) NOT NULL, "expires_at" datetime NULL, "target_status" varchar(16) NOT NULL, "generation" integer unsigned NOT NULL CHECK ("generation" >= 0), "returns_on_failure" bool NOT NULL, "last_operation" varchar(16) NOT NULL, "changed_at" datetime NOT NULL, "status" varchar(16) NOT NULL, "status_message" text NOT NULL, "status_severity" varchar(8) NOT NULL, "status_changed_at" datetime NOT NULL, "observed_generation" integer unsigned NOT NULL CHECK ("observed_generation" >= 0), "serving_generation" integer unsigned NULL CHECK ("serving_generation" >= 0), "failed_generation" integer unsigned NULL CHECK ("failed_generation" >= 0), "submitted_at" datetime NULL, "started_at" datetime NULL, "completed_at" datetime NULL, "proved_at" datetime NULL, "unseen_since" datetime NULL, "lease_token" varchar(32) NOT NULL, "lease_until" datetime NULL, "next_pass_at" datetime NULL, "revision" bigint NOT NULL, "configuration_id" char(32) NOT NULL REFERENCES "deployments_configuration" ("id") DEFERRABLE INITIALLY DEFERRED, "latest_running_configuration_id" char(32) NULL REFERENCES "deployments_configuration" ("id") DEFERRABLE INITIALLY DEFERRED, "resource_group_id" varchar(253) NOT NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "deployments_deployment" VALUES('d000000000000001','2026-11-25 09:33:38.230369','','',NULL,'RUNNING',1,1,'CREATE','2026-11-25 09:33:38.230528','RUNNING','Running.','info','2026-11-25 09:33:38.230534',1,1,NULL,NULL,NULL,NULL,'2026-11-20 12:00:00',NULL,'',NULL,NULL,560579033414,'415b71b00e504972bea198349e880f4a',NULL,'default');
INSERT INTO "deployments_deployment" VALUES('d000000000000002','2026-11-25 09:33:38.255549','','',NULL,'RUNNING',1,0,'CREATE','2026-11-25 09:33:38.255578','DEAD','While it was starting: The server ended with exit code 1.','error','2026-11-25 09:33:38.255585',1,NULL,1,NULL,NULL,NULL,NULL,NULL,'',NULL,NULL,185324036911,'6398461ed0fc4ad09ae8d291f6e6667d',NULL,'default');
INSERT INTO "deployments_deployment" VALUES('d000000000000003','2026-11-25 09:33:38.282620','','',NULL,'RUNNING',1,0,'CREATE','2026-11-25 09:33:38.282643','PENDING','Waiting for capacity: it needs 3 GB of memory, 1 GB free.','info','2026-11-25 09:33:38.282651',1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'',NULL,NULL,406650446196,'bac35dd6a70d4a01b792efb73e8bc20d',NULL,'default');
CREATE TABLE "deployments_deploymentevent" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "at" datetime NOT NULL, "generation" integer unsigned NOT NULL CHECK ("generation" >= 0), "status" varchar(16) NOT NULL, "severity" varchar(8) NOT NULL, "code" varchar(32) NOT NULL, "message" text NOT NULL, "actor" varchar(256) NOT NULL, "deployment_id" varchar(64) NOT NULL REFERENCES "deployments_deployment" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "deployments_deploymentevent" VALUES(1,'2026-11-25 09:33:38.245775',1,'RUNNING','info','CREATE','Deployment of running created.','','d000000000000001');
INSERT INTO "deployments_deploymentevent" VALUES(2,'2026-11-25 09:33:38.246079',1,'RUNNING','info','RUNNING','Running.','','d000000000000001');
INSERT INTO "deployments_deploymentevent" VALUES(3,'2026-11-25 09:33:38.246243',1,'RUNNING','info','OUT_OF_SIGHT','Its state is not known for the moment: the runtime does not answer','','d000000000000001');
CREATE TABLE "deployments_draft" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "kind" varchar(32) NOT NULL, "values" text NOT NULL CHECK ((JSON_VALID("values") OR "values" IS NULL)), "changed_at" datetime NOT NULL, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "resource_group_id" varchar(253) NOT NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED, "key" varchar(32) NOT NULL, CONSTRAINT "one_draft_per_window" UNIQUE ("user_id", "kind", "key"));
CREATE TABLE "deployments_executable" ("id" varchar(64) NOT NULL PRIMARY KEY, "name" varchar(256) NOT NULL, "description" text NOT NULL, "version" varchar(64) NOT NULL, "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)), "text" text NOT NULL, "built_in" bool NOT NULL, "created_at" datetime NOT NULL, "changed_at" datetime NOT NULL, "scenario_id" varchar(64) NOT NULL REFERENCES "deployments_scenario" ("id") DEFERRABLE INITIALLY DEFERRED);
INSERT INTO "deployments_executable" VALUES('talker','Template talker','What talker serves.','1.2.0','{"scenarios.ai.sap.com/id": "talking", "ai.sap.com/version": "1.2.0"}','apiVersion: ai.sap.com/v1alpha1
kind: ServingTemplate
metadata:
  name: talker
  annotations:
    scenarios.ai.sap.com/name: Scenario talking
    scenarios.ai.sap.com/description: What talking is for.
    executables.ai.sap.com/name: Template talker
    executables.ai.sap.com/description: What talker serves.
    artifacts.ai.sap.com/model.kind: model
    artifacts.ai.sap.com/model.description: The model that is served.
  labels:
    scenarios.ai.sap.com/id: talking
    ai.sap.com/version: 1.2.0
spec:
  inputs:
    parameters:
      - name: greeting
        type: string
        default: hello
        description: What it says.
      - name: threads
        type: integer
        default: "2"
      - name: topic
        type: string
        description: What it talks about.
    artifacts:
      - name: model
  template:
    metadata:
      labels: |
        ai.sap.com/resourcePlan: tiny
    spec:
      predictor:
        minReplicas: 1
        maxReplicas: 2
        containers:
          - name: server
            command: [python, -m, http.server, "{{runtime.port}}"]
            args: ["{{inputs.parameters.greeting}}", "{{inputs.artifacts.model}}"]
            env:
              - name: TOPIC
                value: "{{inputs.parameters.topic}}"
',0,'2026-11-25 09:33:38.228871','2026-11-25 09:33:38.228912','talking');
CREATE TABLE "deployments_generation" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "number" integer unsigned NOT NULL CHECK ("number" >= 0), "recipe" text NOT NULL CHECK ((JSON_VALID("recipe") OR "recipe" IS NULL)), "replicas_wanted" integer unsigned NOT NULL CHECK ("replicas_wanted" >= 0), "began_at" datetime NOT NULL, "steps" text NOT NULL CHECK ((JSON_VALID("steps") OR "steps" IS NULL)), "waiting" text NOT NULL, "proved_at" datetime NULL, "proof_failures" integer unsigned NOT NULL CHECK ("proof_failures" >= 0), "proof_message" text NOT NULL, "draining_since" datetime NULL, "outcome" varchar(16) NOT NULL, "reason" text NOT NULL, "configuration_id" char(32) NOT NULL REFERENCES "deployments_configuration" ("id") DEFERRABLE INITIALLY DEFERRED, "deployment_id" varchar(64) NOT NULL REFERENCES "deployments_deployment" ("id") DEFERRABLE INITIALLY DEFERRED, "proof_answer" text NOT NULL, CONSTRAINT "generation_once" UNIQUE ("deployment_id", "number"));
INSERT INTO "deployments_generation" VALUES(1,1,'{"image": "", "command": ["python", "-m", "http.server", "{{runtime.port}}", "hello", "{{runtime.artifacts.model}}"], "env": {"TOPIC": "weather"}, "ports": [], "resource_plan": "tiny", "min_replicas": 1, "max_replicas": 2, "health_path": "/", "requirements": [], "proof": {"method": "GET", "path": "/", "body": null, "headers": {}}, "sample": null, "deadlines": {}, "retry": "safe", "secret_env": {}, "drain_seconds": 30}',1,'2026-11-25 09:33:38.235993','{"REQUESTED": "2026-11-20T12:00:00+00:00", "PLACED": "2026-11-20T12:00:00+00:00", "PREPARED": "2026-11-20T12:00:00+00:00", "FETCHED": "2026-11-20T12:00:00+00:00", "STARTED": "2026-11-20T12:00:00+00:00", "HEALTHY": "2026-11-20T12:00:00+00:00", "PROVED": "2026-11-20T12:00:00+00:00", "ROUTED": "2026-11-20T12:00:00+00:00"}','','2026-11-20 12:00:00',0,'',NULL,'RUNNING','','415b71b00e504972bea198349e880f4a','d000000000000001','POST /predict answered 200');
INSERT INTO "deployments_generation" VALUES(2,1,'{"image": "", "command": ["python", "-m", "http.server", "{{runtime.port}}", "hello", "{{runtime.artifacts.model}}"], "env": {"TOPIC": "weather"}, "ports": [], "resource_plan": "tiny", "min_replicas": 1, "max_replicas": 2, "health_path": "/", "requirements": [], "proof": {"method": "GET", "path": "/", "body": null, "headers": {}}, "sample": null, "deadlines": {}, "retry": "safe", "secret_env": {}, "drain_seconds": 30}',1,'2026-11-25 09:33:38.267470','{}','',NULL,0,'',NULL,'','While it was starting: The server ended with exit code 1.','6398461ed0fc4ad09ae8d291f6e6667d','d000000000000002','');
INSERT INTO "deployments_generation" VALUES(3,1,'{"image": "", "command": ["python", "-m", "http.server", "{{runtime.port}}", "hello", "{{runtime.artifacts.model}}"], "env": {"TOPIC": "weather"}, "ports": [], "resource_plan": "tiny", "min_replicas": 1, "max_replicas": 2, "health_path": "/", "requirements": [], "proof": {"method": "GET", "path": "/", "body": null, "headers": {}}, "sample": null, "deadlines": {}, "retry": "safe", "secret_env": {}, "drain_seconds": 30}',1,'2026-11-25 09:33:38.288915','{"REQUESTED": "2026-11-25T09:33:38.288915+00:00"}','Waiting for capacity: it needs 3 GB of memory, 1 GB free.',NULL,0,'',NULL,'','','bac35dd6a70d4a01b792efb73e8bc20d','d000000000000003','');
CREATE TABLE "deployments_replica" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(96) NOT NULL UNIQUE, "number" integer unsigned NOT NULL CHECK ("number" >= 0), "host" varchar(64) NOT NULL, "port" integer unsigned NOT NULL CHECK ("port" >= 0), "phase" varchar(16) NOT NULL, "detail" text NOT NULL, "attempt" integer unsigned NOT NULL CHECK ("attempt" >= 0), "restarts" integer unsigned NOT NULL CHECK ("restarts" >= 0), "restart_at" datetime NULL, "healthy_since" datetime NULL, "unhealthy_since" datetime NULL, "recycled_because" text NOT NULL, "cpu_millis" integer unsigned NOT NULL CHECK ("cpu_millis" >= 0), "memory_bytes" bigint unsigned NOT NULL CHECK ("memory_bytes" >= 0), "gpus" integer unsigned NOT NULL CHECK ("gpus" >= 0), "is_held" bool NOT NULL, "generation_id" bigint NOT NULL REFERENCES "deployments_generation" ("id") DEFERRABLE INITIALLY DEFERRED, "launched_at" datetime NULL);
INSERT INTO "deployments_replica" VALUES(1,'d000000000000001-1-0',0,'127.0.0.1',20001,'HEALTHY','',1,0,NULL,'2026-11-25 09:33:38.245071',NULL,'',250,512000000,0,1,1,NULL);
INSERT INTO "deployments_replica" VALUES(2,'d000000000000002-1-0',0,'127.0.0.1',20006,'EXITED','',1,0,NULL,'2026-11-25 09:33:38.267996',NULL,'',250,512000000,0,0,2,NULL);
CREATE TABLE "deployments_resourcegroup" ("id" varchar(253) NOT NULL PRIMARY KEY, "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)), "deployment_quota" integer unsigned NULL CHECK ("deployment_quota" >= 0), "replica_quota" integer unsigned NULL CHECK ("replica_quota" >= 0), "created_at" datetime NOT NULL, "connection_id" bigint NOT NULL REFERENCES "deployments_connection" ("id") DEFERRABLE INITIALLY DEFERRED, "deleting_since" datetime NULL);
INSERT INTO "deployments_resourcegroup" VALUES('default','{}',NULL,NULL,'2026-11-25 09:33:38.196127',1,NULL);
CREATE TABLE "deployments_resourceplan" ("id" varchar(64) NOT NULL PRIMARY KEY, "description" varchar(256) NOT NULL, "cpu_millis" integer unsigned NOT NULL CHECK ("cpu_millis" >= 0), "memory_bytes" bigint unsigned NOT NULL CHECK ("memory_bytes" >= 0), "gpus" integer unsigned NOT NULL CHECK ("gpus" >= 0));
INSERT INTO "deployments_resourceplan" VALUES('tiny','',250,512000000,0);
CREATE TABLE "deployments_savedview" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(64) NOT NULL, "query" varchar(2000) NOT NULL, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "one_view_of_a_name" UNIQUE ("user_id", "name"));
CREATE TABLE "deployments_scenario" ("id" varchar(64) NOT NULL PRIMARY KEY, "name" varchar(256) NOT NULL, "description" text NOT NULL, "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)), "created_at" datetime NOT NULL, "changed_at" datetime NOT NULL);
INSERT INTO "deployments_scenario" VALUES('talking','Scenario talking','','{}','2026-11-25 09:33:38.216072','2026-11-25 09:33:38.216108');
CREATE TABLE "deployments_secret" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "name" varchar(252) NOT NULL, "keys" text NOT NULL CHECK ((JSON_VALID("keys") OR "keys" IS NULL)), "labels" text NOT NULL CHECK ((JSON_VALID("labels") OR "labels" IS NULL)), "sealed" text NOT NULL, "created_at" datetime NOT NULL, "changed_at" datetime NOT NULL, "resource_group_id" varchar(253) NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED, CONSTRAINT "one_secret_per_name" UNIQUE ("resource_group_id", "name"));
INSERT INTO "deployments_secret" VALUES(1,'token','["a"]','{}','gAAAA-old','2026-11-25 09:33:38.289735','2026-11-25 09:33:38.289739','default');
CREATE TABLE "deployments_servicekey" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "client_id" varchar(128) NOT NULL UNIQUE, "secret_hash" varchar(64) NOT NULL, "name" varchar(128) NOT NULL, "role" varchar(16) NOT NULL, "all_groups" bool NOT NULL, "created_at" datetime NOT NULL, "expires_at" datetime NULL, "revoked_at" datetime NULL, "last_used_at" datetime NULL);
CREATE TABLE "deployments_servicekey_resource_groups" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "servicekey_id" bigint NOT NULL REFERENCES "deployments_servicekey" ("id") DEFERRABLE INITIALLY DEFERRED, "resourcegroup_id" varchar(253) NOT NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "deployments_signinlink" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "token_hash" varchar(64) NOT NULL UNIQUE, "expires_at" datetime NOT NULL, "used_at" datetime NULL, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "deployments_tokengrant" ("id" varchar(32) NOT NULL PRIMARY KEY, "client_id" varchar(128) NOT NULL, "subject" varchar(150) NOT NULL, "role" varchar(16) NOT NULL, "groups" text NULL CHECK ((JSON_VALID("groups") OR "groups" IS NULL)), "expires_at" datetime NOT NULL);
CREATE TABLE "deployments_user" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "password" varchar(128) NOT NULL, "last_login" datetime NULL, "is_superuser" bool NOT NULL, "username" varchar(150) NOT NULL UNIQUE, "first_name" varchar(150) NOT NULL, "last_name" varchar(150) NOT NULL, "email" varchar(254) NOT NULL, "is_staff" bool NOT NULL, "is_active" bool NOT NULL, "date_joined" datetime NOT NULL, "role" varchar(16) NOT NULL, "all_groups" bool NOT NULL, "theme" varchar(16) NOT NULL, "deployment_columns" text NULL CHECK ((JSON_VALID("deployment_columns") OR "deployment_columns" IS NULL)), "has_shortcuts" bool NOT NULL, "language" varchar(8) NOT NULL, "notified_at" datetime NOT NULL, "workspace_id" varchar(253) NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "deployments_user_groups" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "group_id" integer NOT NULL REFERENCES "auth_group" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "deployments_user_resource_groups" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "resourcegroup_id" varchar(253) NOT NULL REFERENCES "deployments_resourcegroup" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "deployments_user_user_permissions" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "permission_id" integer NOT NULL REFERENCES "auth_permission" ("id") DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE "django_admin_log" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "object_id" text NULL, "object_repr" varchar(200) NOT NULL, "action_flag" smallint unsigned NOT NULL CHECK ("action_flag" >= 0), "change_message" text NOT NULL, "content_type_id" integer NULL REFERENCES "django_content_type" ("id") DEFERRABLE INITIALLY DEFERRED, "user_id" bigint NOT NULL REFERENCES "deployments_user" ("id") DEFERRABLE INITIALLY DEFERRED, "action_time" datetime NOT NULL);
CREATE TABLE "django_content_type" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app_label" varchar(100) NOT NULL, "model" varchar(100) NOT NULL);
CREATE TABLE "django_migrations" ("id" integer NOT NULL PRIMARY KEY AUTOINCREMENT, "app" varchar(255) NOT NULL, "name" varchar(255) NOT NULL, "applied" datetime NOT NULL);
INSERT INTO "django_migrations" VALUES(1,'contenttypes','0001_initial','2026-11-25 09:33:28.147637');
INSERT INTO "django_migrations" VALUES(2,'contenttypes','0002_remove_content_type_name','2026-11-25 09:33:28.251867');
INSERT INTO "django_migrations" VALUES(3,'auth','0001_initial','2026-11-25 09:33:28.265333');
INSERT INTO "django_migrations" VALUES(4,'auth','0002_alter_permission_name_max_length','2026-11-25 09:33:28.276952');
INSERT INTO "django_migrations" VALUES(5,'auth','0003_alter_user_email_max_length','2026-11-25 09:33:28.280083');
INSERT INTO "django_migrations" VALUES(6,'auth','0004_alter_user_username_opts','2026-11-25 09:33:28.283074');
INSERT INTO "django_migrations" VALUES(7,'auth','0005_alter_user_last_login_null','2026-11-25 09:33:28.357007');
INSERT INTO "django_migrations" VALUES(8,'auth','0006_require_contenttypes_0002','2026-11-25 09:33:28.357587');
INSERT INTO "django_migrations" VALUES(9,'auth','0007_alter_validators_add_error_messages','2026-11-25 09:33:28.359999');
INSERT INTO "django_migrations" VALUES(10,'auth','0008_alter_user_username_max_length','2026-11-25 09:33:28.388582');
INSERT INTO "django_migrations" VALUES(11,'auth','0009_alter_user_last_name_max_length','2026-11-25 09:33:28.391182');
INSERT INTO "django_migrations" VALUES(12,'auth','0010_alter_group_name_max_length','2026-11-25 09:33:28.483388');
INSERT INTO "django_migrations" VALUES(13,'auth','0011_update_proxy_permissions','2026-11-25 09:33:28.582634');
INSERT INTO "django_migrations" VALUES(14,'auth','0012_alter_user_first_name_max_length','2026-11-25 09:33:28.594595');
INSERT INTO "django_migrations" VALUES(15,'deployments','0001_initial','2026-11-25 09:33:30.248255');
INSERT INTO "django_migrations" VALUES(16,'admin','0001_initial','2026-11-25 09:33:30.292406');
INSERT INTO "django_migrations" VALUES(17,'admin','0002_logentry_remove_auto_add','2026-11-25 09:33:30.330184');
INSERT INTO "django_migrations" VALUES(18,'admin','0003_logentry_add_action_flag_choices','2026-11-25 09:33:30.350406');
INSERT INTO "django_migrations" VALUES(19,'axes','0001_initial','2026-11-25 09:33:30.361600');
INSERT INTO "django_migrations" VALUES(20,'axes','0002_auto_20151217_2044','2026-11-25 09:33:30.462730');
INSERT INTO "django_migrations" VALUES(21,'axes','0003_auto_20160322_0929','2026-11-25 09:33:30.484589');
INSERT INTO "django_migrations" VALUES(22,'axes','0004_auto_20181024_1538','2026-11-25 09:33:30.516224');
INSERT INTO "django_migrations" VALUES(23,'axes','0005_remove_accessattempt_trusted','2026-11-25 09:33:30.559497');
INSERT INTO "django_migrations" VALUES(24,'axes','0006_remove_accesslog_trusted','2026-11-25 09:33:30.583102');
INSERT INTO "django_migrations" VALUES(25,'axes','0007_alter_accessattempt_unique_together','2026-11-25 09:33:30.743602');
INSERT INTO "django_migrations" VALUES(26,'axes','0008_accessfailurelog','2026-11-25 09:33:30.747558');
INSERT INTO "django_migrations" VALUES(27,'axes','0009_add_session_hash','2026-11-25 09:33:30.799315');
INSERT INTO "django_migrations" VALUES(28,'axes','0010_accessattemptexpiration','2026-11-25 09:33:30.915781');
INSERT INTO "django_migrations" VALUES(29,'deployments','0002_reader_choices','2026-11-25 09:33:31.587445');
INSERT INTO "django_migrations" VALUES(30,'deployments','0003_audit_log','2026-11-25 09:33:31.759622');
INSERT INTO "django_migrations" VALUES(31,'deployments','0004_secrets','2026-11-25 09:33:31.850223');
INSERT INTO "django_migrations" VALUES(32,'deployments','0005_administration','2026-11-25 09:33:32.491495');
INSERT INTO "django_migrations" VALUES(33,'deployments','0006_replica_launched_at','2026-11-25 09:33:32.516130');
INSERT INTO "django_migrations" VALUES(34,'deployments','0007_cause_written_on','2026-11-25 09:33:32.546565');
INSERT INTO "django_migrations" VALUES(35,'deployments','0008_draft_key','2026-11-25 09:33:32.754994');
INSERT INTO "django_migrations" VALUES(36,'deployments','0009_token_grants','2026-11-25 09:33:32.765602');
INSERT INTO "django_migrations" VALUES(37,'deployments','0010_proof_answer','2026-11-25 09:33:32.787120');
INSERT INTO "django_migrations" VALUES(38,'sessions','0001_initial','2026-11-25 09:33:32.789690');
CREATE TABLE "django_session" ("session_key" varchar(40) NOT NULL PRIMARY KEY, "session_data" text NOT NULL, "expire_date" datetime NOT NULL);
CREATE UNIQUE INDEX "django_content_type_app_label_model_76bd3d3b_uniq" ON "django_content_type" ("app_label", "model");
CREATE UNIQUE INDEX "auth_group_permissions_group_id_permission_id_0cd325b0_uniq" ON "auth_group_permissions" ("group_id", "permission_id");
CREATE INDEX "auth_group_permissions_group_id_b120cbf9" ON "auth_group_permissions" ("group_id");
CREATE INDEX "auth_group_permissions_permission_id_84c5c92e" ON "auth_group_permissions" ("permission_id");
CREATE UNIQUE INDEX "auth_permission_content_type_id_codename_01ab375a_uniq" ON "auth_permission" ("content_type_id", "codename");
CREATE INDEX "auth_permission_content_type_id_2f476e4b" ON "auth_permission" ("content_type_id");
CREATE UNIQUE INDEX "deployments_user_groups_user_id_group_id_051be95b_uniq" ON "deployments_user_groups" ("user_id", "group_id");
CREATE INDEX "deployments_user_groups_user_id_68cd7a2e" ON "deployments_user_groups" ("user_id");
CREATE INDEX "deployments_user_groups_group_id_ddef3e43" ON "deployments_user_groups" ("group_id");
CREATE UNIQUE INDEX "deployments_user_user_permissions_user_id_permission_id_40c25672_uniq" ON "deployments_user_user_permissions" ("user_id", "permission_id");
CREATE INDEX "deployments_user_user_permissions_user_id_30330997" ON "deployments_user_user_permissions" ("user_id");
CREATE INDEX "deployments_user_user_permissions_permission_id_49096c79" ON "deployments_user_user_permissions" ("permission_id");
CREATE INDEX "deployments_replica_generation_id_840454be" ON "deployments_replica" ("generation_id");
CREATE INDEX "deployments_resourcegroup_connection_id_59f6f2e0" ON "deployments_resourcegroup" ("connection_id");
CREATE INDEX "deployments_deployment_configuration_id_f124237a" ON "deployments_deployment" ("configuration_id");
CREATE INDEX "deployments_deployment_latest_running_configuration_id_4f64f54c" ON "deployments_deployment" ("latest_running_configuration_id");
CREATE INDEX "deployments_deployment_resource_group_id_abe0f4fc" ON "deployments_deployment" ("resource_group_id");
CREATE UNIQUE INDEX "deployments_user_resource_groups_user_id_resourcegroup_id_75d5883e_uniq" ON "deployments_user_resource_groups" ("user_id", "resourcegroup_id");
CREATE INDEX "deployments_user_resource_groups_user_id_fa6f0b37" ON "deployments_user_resource_groups" ("user_id");
CREATE INDEX "deployments_user_resource_groups_resourcegroup_id_3b5878df" ON "deployments_user_resource_groups" ("resourcegroup_id");
CREATE INDEX "deployments_executable_scenario_id_55cd037b" ON "deployments_executable" ("scenario_id");
CREATE INDEX "deployments_configuration_created_by_id_87672266" ON "deployments_configuration" ("created_by_id");
CREATE INDEX "deployments_configuration_executable_id_0bb0802f" ON "deployments_configuration" ("executable_id");
CREATE INDEX "deployments_configuration_resource_group_id_0e935237" ON "deployments_configuration" ("resource_group_id");
CREATE INDEX "deployments_configuration_scenario_id_cb39557f" ON "deployments_configuration" ("scenario_id");
CREATE INDEX "deployments_artifact_created_by_id_136cf8d3" ON "deployments_artifact" ("created_by_id");
CREATE INDEX "deployments_artifact_resource_group_id_88c57447" ON "deployments_artifact" ("resource_group_id");
CREATE INDEX "deployments_artifact_scenario_id_54ae0704" ON "deployments_artifact" ("scenario_id");
CREATE UNIQUE INDEX "deployments_servicekey_resource_groups_servicekey_id_resourcegroup_id_af85aa7d_uniq" ON "deployments_servicekey_resource_groups" ("servicekey_id", "resourcegroup_id");
CREATE INDEX "deployments_servicekey_resource_groups_servicekey_id_39f2330d" ON "deployments_servicekey_resource_groups" ("servicekey_id");
CREATE INDEX "deployments_servicekey_resource_groups_resourcegroup_id_d1269c03" ON "deployments_servicekey_resource_groups" ("resourcegroup_id");
CREATE INDEX "deployments_signinlink_user_id_6fe71edf" ON "deployments_signinlink" ("user_id");
CREATE INDEX "deployments_deploymentevent_deployment_id_53ddd570" ON "deployments_deploymentevent" ("deployment_id");
CREATE INDEX "event_newest" ON "deployments_deploymentevent" ("deployment_id", "at" DESC);
CREATE INDEX "replica_held" ON "deployments_replica" ("is_held");
CREATE INDEX "deployments_attempt_replica_id_e6e89021" ON "deployments_attempt" ("replica_id");
CREATE INDEX "deployment_newest" ON "deployments_deployment" ("resource_group_id", "created_at" DESC);
CREATE INDEX "deployment_status" ON "deployments_deployment" ("resource_group_id", "status");
CREATE INDEX "deployment_due" ON "deployments_deployment" ("next_pass_at");
CREATE INDEX "deployment_revision" ON "deployments_deployment" ("resource_group_id", "revision");
CREATE INDEX "configuration_newest" ON "deployments_configuration" ("resource_group_id", "created_at" DESC);
CREATE INDEX "artifact_newest" ON "deployments_artifact" ("resource_group_id", "created_at" DESC);
CREATE INDEX "django_admin_log_content_type_id_c4bce8eb" ON "django_admin_log" ("content_type_id");
CREATE INDEX "django_admin_log_user_id_c564eba6" ON "django_admin_log" ("user_id");
CREATE INDEX "axes_accessattempt_user_agent_ad89678b" ON "axes_accessattempt" ("user_agent");
CREATE INDEX "axes_accessattempt_ip_address_10922d9c" ON "axes_accessattempt" ("ip_address");
CREATE INDEX "axes_accessattempt_username_3f2d4ca0" ON "axes_accessattempt" ("username");
CREATE UNIQUE INDEX "axes_accessattempt_username_ip_address_user_agent_8ea22282_uniq" ON "axes_accessattempt" ("username", "ip_address", "user_agent");
CREATE INDEX "axes_accessfailurelog_user_agent_ea145dda" ON "axes_accessfailurelog" ("user_agent");
CREATE INDEX "axes_accessfailurelog_ip_address_2e9f5a7f" ON "axes_accessfailurelog" ("ip_address");
CREATE INDEX "axes_accessfailurelog_username_a8b7e8a4" ON "axes_accessfailurelog" ("username");
CREATE INDEX "axes_accesslog_user_agent_0e659004" ON "axes_accesslog" ("user_agent");
CREATE INDEX "axes_accesslog_ip_address_86b417e5" ON "axes_accesslog" ("ip_address");
CREATE INDEX "axes_accesslog_username_df93064b" ON "axes_accesslog" ("username");
CREATE INDEX "deployment_creator" ON "deployments_deployment" ("created_by");
CREATE INDEX "deployments_user_workspace_id_18d75bfd" ON "deployments_user" ("workspace_id");
CREATE INDEX "deployments_savedview_user_id_2382cd79" ON "deployments_savedview" ("user_id");
CREATE INDEX "deployments_auditentry_at_565ba141" ON "deployments_auditentry" ("at");
CREATE UNIQUE INDEX "one_shared_secret_per_name" ON "deployments_secret" ("name") WHERE "resource_group_id" IS NULL;
CREATE INDEX "deployments_secret_resource_group_id_e557bd5f" ON "deployments_secret" ("resource_group_id");
CREATE INDEX "deployments_draft_user_id_f5fcb9c2" ON "deployments_draft" ("user_id");
CREATE INDEX "deployments_draft_resource_group_id_500780c5" ON "deployments_draft" ("resource_group_id");
CREATE INDEX "deployments_tokengrant_client_id_250ab67f" ON "deployments_tokengrant" ("client_id");
CREATE INDEX "deployments_tokengrant_expires_at_ec4fdcc5" ON "deployments_tokengrant" ("expires_at");
CREATE INDEX "deployments_generation_configuration_id_cbd8341e" ON "deployments_generation" ("configuration_id");
CREATE INDEX "deployments_generation_deployment_id_14c5087e" ON "deployments_generation" ("deployment_id");
CREATE INDEX "django_session_expire_date_a5c62663" ON "django_session" ("expire_date");
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('django_migrations',38);
INSERT INTO "sqlite_sequence" VALUES('django_content_type',29);
INSERT INTO "sqlite_sequence" VALUES('auth_permission',116);
INSERT INTO "sqlite_sequence" VALUES('auth_group',0);
INSERT INTO "sqlite_sequence" VALUES('deployments_attempt',1);
INSERT INTO "sqlite_sequence" VALUES('django_admin_log',0);
INSERT INTO "sqlite_sequence" VALUES('axes_accessattempt',0);
INSERT INTO "sqlite_sequence" VALUES('axes_accesslog',0);
INSERT INTO "sqlite_sequence" VALUES('deployments_user',0);
INSERT INTO "sqlite_sequence" VALUES('deployments_savedview',0);
INSERT INTO "sqlite_sequence" VALUES('deployments_draft',0);
INSERT INTO "sqlite_sequence" VALUES('deployments_generation',3);
INSERT INTO "sqlite_sequence" VALUES('deployments_connection',1);
INSERT INTO "sqlite_sequence" VALUES('deployments_replica',2);
INSERT INTO "sqlite_sequence" VALUES('deployments_deploymentevent',3);
INSERT INTO "sqlite_sequence" VALUES('deployments_secret',1);
COMMIT;
