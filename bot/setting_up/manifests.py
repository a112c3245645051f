"""The files around the configuration: the Slack app, Alertmanager's receiver, the Kubernetes objects.

Pure text, from the choices. The Roles are not here: `lightship rbac` makes them from the configuration.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bot import __version__
from bot.bootstrap.examining_slack import SCOPES
from bot.setting_up.yaml_text import quoted

if TYPE_CHECKING:
    from bot.setting_up.choices import Choices

NAMESPACE: Final = "lightship"
BOT_ADDRESS: Final = f"http://lightship.{NAMESPACE}.svc:8080/alerts"
IMAGE: Final = f"lightship:{__version__}"


def slack_app(choices: Choices) -> str:
    """The manifest of the Slack app: name, command, scopes, and how Slack reaches the bot."""
    socket = not choices.address
    url = f"\n      url: {choices.address}/slack/events" if not socket else ""
    scopes = "".join(f"\n      - {scope}" for scope in (*SCOPES, "usergroups:read"))
    request = f"\n    request_url: {choices.address}/slack/events" if not socket else ""
    way = (
        "Socket Mode: make an app-level token with connections:write afterwards (SLACK_APP_TOKEN)."
        if socket
        else "HTTP: Slack posts to the address below; copy the signing secret (SLACK_SIGNING_SECRET)."
    )
    return f"""\
# The Slack app of Lightship. api.slack.com/apps, Create New App, From a manifest; then install it.
# {way}
_metadata:
  major_version: 2
display_information:
  name: Lightship
  description: Incident response for {choices.service}
  background_color: "#1f3a5f"
features:
  bot_user:
    display_name: lightship
    always_online: true
  slash_commands:
    - command: {choices.command}{url}
      description: Incidents, checks and repairs of {choices.service}
      usage_hint: help
      should_escape: true
oauth_config:
  scopes:
    bot:{scopes}
settings:
  interactivity:
    is_enabled: true{request}
  org_deploy_enabled: false
  socket_mode_enabled: {"true" if socket else "false"}
  token_rotation_enabled: false
"""


def alertmanager_receiver(choices: Choices) -> str:
    """What goes into Alertmanager's configuration: a route and the receiver."""
    matchers = "".join(f"\n        - {quoted(str(one))}" for one in choices.matchers)
    return f"""\
# Put these two into Alertmanager's configuration, the route as the first of its routes.
# The file holds what LIGHTSHIP_WEBHOOK_TOKEN says, and nothing else.
route:
  receiver: lightship
  routes:
    - receiver: lightship
      matchers:{matchers}
      group_by: [alertname, namespace]
      group_wait: 10s
      group_interval: 1m
      repeat_interval: 4h
      continue: true                      # whoever hears of these alerts today goes on hearing of them

receivers:
  - name: lightship
    webhook_configs:
      - url: {BOT_ADDRESS}
        send_resolved: true
        max_alerts: 500
        http_config:
          authorization:
            type: Bearer
            credentials_file: /etc/alertmanager/lightship-token
"""


def kustomization(runbooks: tuple[str, ...]) -> str:
    """Beside `lightship.yaml`: `kubectl apply -k .` makes ConfigMaps of it and the runbooks."""
    files = "".join(f"\n      - runbooks/{name}" for name in runbooks)
    return f"""\
# kubectl apply -k .
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - kubernetes/lightship.yaml
  - kubernetes/rbac.yaml
configMapGenerator:
  - name: lightship-configuration
    namespace: {NAMESPACE}
    files:
      - lightship.yaml
  - name: lightship-runbooks
    namespace: {NAMESPACE}
    files:{files}
"""


def kubernetes_objects(choices: Choices) -> str:
    """Namespace, account, volume, Deployment and Service of the bot: one replica on SQLite."""
    addresses = _addresses(choices)
    return f"""\
# The bot itself, one replica with its store on a volume. Its secrets are made by hand:
#   kubectl -n {NAMESPACE} create secret generic lightship --from-literal=SLACK_BOT_TOKEN=... \\
#     --from-literal={"SLACK_SIGNING_SECRET" if choices.address else "SLACK_APP_TOKEN"}=... \\
#     --from-literal=LIGHTSHIP_WEBHOOK_TOKEN=...
apiVersion: v1
kind: Namespace
metadata:
  name: {NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: lightship
  namespace: {NAMESPACE}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: lightship
  namespace: {NAMESPACE}
spec:
  accessModes: [ReadWriteOnce]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: lightship
  namespace: {NAMESPACE}
spec:
  replicas: 1
  strategy:
    type: Recreate                        # SQLite has one writer
  selector:
    matchLabels:
      app.kubernetes.io/name: lightship
  template:
    metadata:
      labels:
        app.kubernetes.io/name: lightship
    spec:
      serviceAccountName: lightship
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        fsGroup: 10001
        seccompProfile:
          type: RuntimeDefault
      containers:
        - name: lightship
          image: {IMAGE}                # the image that you have built, with its registry
          args: [run, --config, /etc/lightship/lightship.yaml]
          ports:
            - name: http
              containerPort: 8080
          envFrom:
            - secretRef:
                name: lightship
          env:
            - name: LIGHTSHIP_HTTP_HOST
              value: 0.0.0.0
            - name: LIGHTSHIP_DATABASE_URL
              value: sqlite+aiosqlite:////var/lib/lightship/lightship.db
{addresses}          readinessProbe:
            httpGet:
              path: /readyz
              port: http
          livenessProbe:
            httpGet:
              path: /healthz
              port: http
          resources:
            requests:
              cpu: 100m
              memory: 192Mi
            limits:
              memory: 512Mi
          securityContext:
            allowPrivilegeEscalation: false
            readOnlyRootFilesystem: true
            capabilities:
              drop: [ALL]
          volumeMounts:
            - name: store
              mountPath: /var/lib/lightship
            - name: configuration
              mountPath: /etc/lightship
            - name: runbooks
              mountPath: /etc/lightship/runbooks
            - name: scratch
              mountPath: /tmp
      volumes:
        - name: store
          persistentVolumeClaim:
            claimName: lightship
        - name: configuration
          configMap:
            name: lightship-configuration
        - name: runbooks
          configMap:
            name: lightship-runbooks
        - name: scratch
          emptyDir: {{}}
---
apiVersion: v1
kind: Service
metadata:
  name: lightship
  namespace: {NAMESPACE}
spec:
  selector:
    app.kubernetes.io/name: lightship
  ports:
    - name: http
      port: 8080
      targetPort: http
"""


def _addresses(choices: Choices) -> str:
    """The addresses as the newcomer's machine knows them; the pod may know them by other names."""
    lines = []
    for name, value in (("PROMETHEUS_URL", choices.prometheus), ("ALERTMANAGER_URL", choices.alertmanager)):
        if value:
            lines += [
                f"            - name: {name}         # as the pod reaches it",
                f"              value: {value}",
            ]
    return "".join(f"{line}\n" for line in lines)
