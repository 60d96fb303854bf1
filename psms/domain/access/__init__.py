"""Who may do what: the names that the rest of PSMS asks for. The rules are in the modules beside this one."""

from psms.domain.access.actor import Actor, require
from psms.domain.access.matrix import MATRIX, Condition, Reach
from psms.domain.access.permissions import Permission
from psms.domain.access.roles import Role
from psms.domain.access.scopes import Scope

__all__ = ["MATRIX", "Actor", "Condition", "Permission", "Reach", "Role", "Scope", "require"]
