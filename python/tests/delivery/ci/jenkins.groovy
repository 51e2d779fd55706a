// What a Jenkinsfile says, as JSON: evaluated by the Groovy that Jenkins has (2.4). It knows the words of declarative pipelines that the
// recipes use, and where each may stand; any other is an error.
import groovy.json.JsonOutput

class Section {
    static final Map<String, List<String>> KNOWN = [
        pipeline: ['agent', 'options', 'environment', 'stages', 'post'],
        agent: ['docker', 'label'],
        docker: ['image', 'args', 'label', 'reuseNode'],
        options: ['timeout', 'timestamps', 'disableConcurrentBuilds'],
        stages: ['stage'],
        stage: ['agent', 'environment', 'steps', 'post'],
        steps: ['sh', 'echo', 'junit', 'archiveArtifacts'],
        post: ['always', 'success', 'failure', 'unstable', 'cleanup'],
        always: ['sh', 'echo', 'junit', 'archiveArtifacts'],
    ]
    String word
    List found = []

    def methodMissing(String name, Object given) {
        if (!(name in KNOWN[word])) throw new IllegalArgumentException("'${name}' does not belong into '${word}'")
        def words = (given as List).collect()
        def one = [word: name]
        if (words && words[-1] instanceof Closure) {
            one.inside = inside(name, words.pop() as Closure)
        }
        one.given = words
        found << one
        return null
    }

    def propertyMissing(String name) { throw new IllegalArgumentException("'${name}' is no word of '${word}'") }

    static List inside(String word, Closure body) {
        def section = new Section(word: word)
        body.delegate = section
        body.resolveStrategy = Closure.DELEGATE_ONLY
        body()
        return section.found
    }
}

def said = null
def shell = new GroovyShell(new Binding([pipeline: { Closure body -> said = Section.inside('pipeline', body) }]))
shell.evaluate(new File(args[0]))
println JsonOutput.toJson(said)
