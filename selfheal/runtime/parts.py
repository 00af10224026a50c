"""The parts of the system: its database, one of two kinds, and the processes."""

from selfheal.runtime.postgres.external import ExternalDatabase
from selfheal.runtime.postgres.server import EmbeddedPostgres
from selfheal.runtime.processes.process import BackgroundProcess

DatabaseServer = EmbeddedPostgres | ExternalDatabase
Part = DatabaseServer | BackgroundProcess
