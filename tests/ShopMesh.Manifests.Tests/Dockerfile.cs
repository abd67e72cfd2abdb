using System.Text.RegularExpressions;
using System.Xml.Linq;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>The instructions of a Dockerfile, in their order.</summary>
internal sealed partial class Dockerfile
{
    public Dockerfile(string path)
    {
        Path = path;
        Instructions = [.. Continuation().Replace(Sources.Read(path), " ").Split('\n').Where(line => line.Length > 0 && line[0] != '#').Select(line => line.Trim())];
    }

    public string Path { get; }

    public IReadOnlyList<string> Instructions { get; }

    /// <summary>The files and folders of the repository that go into the build; folders end with a slash.</summary>
    public IEnumerable<string> Inputs => All("COPY").Where(arguments => !arguments.StartsWith("--from=", StringComparison.Ordinal)).SelectMany(arguments => arguments.Split(' ')[..^1]);

    public static Dockerfile Of(MeshService service) => new($"{service.Folder}/Dockerfile");

    public IEnumerable<string> All(string name) => Instructions.Where(line => line.StartsWith($"{name} ", StringComparison.Ordinal)).Select(line => line[(name.Length + 1)..]);

    public string Single(string name) => All(name).Single();

    /// <summary>What the project of a service is built from beside its own folder: other projects, and the protos of what it calls.</summary>
    public static IEnumerable<string> OthersOf(MeshService service) =>
        XDocument.Parse(Sources.Read($"{service.Folder}/{service.Assembly}.csproj")).Descendants()
            .Where(item => item.Name.LocalName is "ProjectReference" or "Protobuf")
            .Select(item => System.IO.Path.GetRelativePath(Repository.Root, System.IO.Path.GetFullPath(System.IO.Path.Combine(Repository.Root, service.Folder, (string)item.Attribute("Include")!))))
            .Where(path => !path.StartsWith($"{service.Folder}/", StringComparison.Ordinal));

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex Continuation();
}
