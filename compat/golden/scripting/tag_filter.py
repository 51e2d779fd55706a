"""Tags: which tasks carry which, and what is left after filtering."""

from observe import logged, names, raised, report

from locust import MarkovTaskSet, TaskSet, User, tag, task, transition
from locust.user.task import TaskHolder, filter_tasks_by_tags, get_tasks_from_base_classes, is_markov_taskset


def tags_of(holder):
    return {
        member.__name__: tags_of(member)
        if hasattr(member, "tasks")
        else sorted(getattr(member, "locust_tag_set", []))
        for member in holder.tasks
    }


def loose(l):
    pass


def make():
    """Classes made anew: filtering changes them."""

    class Shared(TaskSet):
        @tag("a")
        @task
        def shared_a(self):
            pass

        @task
        def shared_none(self):
            pass

    class Chain(MarkovTaskSet):
        @transition("link")
        def link(self):
            pass

    class Visitor(User):
        @tag("a", "b")
        @task(2)
        def ab(self):
            pass

        @task
        @tag("c")
        def c(self):
            pass

        @task
        def none(self):
            pass

        @tag("outer")
        @task
        class Inner(TaskSet):
            tasks = [Shared]

            @tag("d")
            @task
            def d(self):
                pass

            @task
            def plain(self):
                pass

        @task
        class Second(TaskSet):
            tasks = {Shared: 2}

        tasks = [Chain]

    return Visitor


def tree(holder):
    return [{m.__name__: tree(m)} if hasattr(m, "tasks") else m.__name__ for m in holder.tasks]


def filtered(tags=None, exclude=None):
    visitor = make()
    with logged() as lines:
        filter_tasks_by_tags(visitor, tags, exclude)
    return [tree(visitor), lines]


class OwnSet(User):
    @tag("base")
    @task
    def member(self):
        pass


class Extended(OwnSet):
    tasks = [tag("more")(OwnSet.member)]


class Pytest:
    tasks = [loose]
    functions = [1]


class Plain:
    tasks = [loose]


def empty(holder):
    with logged() as lines:
        filter_tasks_by_tags(holder, {"none has it"})
    return [names(holder.tasks), lines]


report(
    declared=tags_of(make()),
    twice=sorted(tag("x")(tag("y", "x")(lambda l: None)).locust_tag_set),
    on_base_function=sorted(OwnSet.member.locust_tag_set),
    misuse={
        "no name": raised(lambda: tag()),
        "bare": raised(lambda: tag(loose)),
        "number": raised(lambda: sorted(tag(1)(lambda l: None).locust_tag_set)),
    },
    results={
        "nothing asked": filtered(),
        "a": filtered({"a"}),
        "a or c": filtered({"a", "c"}),
        "outer": filtered({"outer"}),
        "unknown": filtered({"zzz"}),
        "empty include": filtered(set()),
        "not a": filtered(None, {"a"}),
        "not outer": filtered(None, {"outer"}),
        "empty exclude": filtered(None, set()),
        "a but not b": filtered({"a"}, {"b"}),
        "outer but not d": filtered({"outer"}, {"d"}),
    },
    warnings={"pytest user": empty(Pytest), "plain": empty(Plain)},
    helpers={
        "holder": [isinstance(x, TaskHolder) for x in (User, TaskSet, Plain, loose, make())],
        "markov": [is_markov_taskset(x) for x in (MarkovTaskSet, TaskSet, loose)],
        "collect": names(get_tasks_from_base_classes((OwnSet, Plain), {"tasks": {loose: 2}, "x": 1})),
    },
)
