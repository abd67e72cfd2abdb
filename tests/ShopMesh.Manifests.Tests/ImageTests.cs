using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ShopMesh.Hosting;

namespace ShopMesh.Manifests.Tests;

/// <summary>What the images are made of, and what they say of themselves.</summary>
public sealed class ImageTests
{
    public static TheoryData<string> Services => [.. Topology.Services.Select(service => service.Name)];

    public static TheoryData<string> Dockerfiles => [.. Topology.Services.Select(service => $"{service.Folder}/Dockerfile"), "tests/ShopMesh.Load/Dockerfile"];

    [Theory, MemberData(nameof(Dockerfiles))]
    public void What_goes_into_it_is_there_and_is_not_ignored(string path) => Assert.All(new Dockerfile(path).Inputs, input =>
    {
        var full = Path.Combine(Repository.Root, input);
        Assert.True(input.EndsWith('/') ? Directory.Exists(full) : File.Exists(full), $"{input} is not there.");
        Assert.False(IsIgnored(input), $".dockerignore keeps {input} out.");
    });

    /// <summary>Else a change of one service would build all of them anew.</summary>
    [Theory, MemberData(nameof(Services))]
    public void Its_sources_are_its_own_and_what_its_project_names(string name)
    {
        var service = Topology.Service(name);
        var inputs = Dockerfile.Of(service).Inputs.ToList();
        var folders = inputs.Where(input => input.EndsWith('/')).ToList();
        Assert.Equal(new[] { $"{service.Folder}/", "services/shared/" }.Order(StringComparer.Ordinal), folders.Order(StringComparer.Ordinal));
        var others = Dockerfile.OthersOf(service).ToList();
        Assert.All(others, other => Assert.Contains(inputs, input => input.EndsWith('/') ? other.StartsWith(input, StringComparison.Ordinal) : other == input));
        Assert.All(inputs.Where(input => input.Contains('/') && !folders.Any(folder => input.StartsWith(folder, StringComparison.Ordinal))), input => Assert.Contains(input, others));
    }

    [Theory, MemberData(nameof(Services))]
    public void Packages_are_restored_before_sources_are_copied(string name)
    {
        var instructions = Dockerfile.Of(Topology.Service(name)).Instructions.ToList();
        var lastRestore = instructions.FindLastIndex(line => line.StartsWith("RUN dotnet restore ", StringComparison.Ordinal));
        Assert.InRange(lastRestore, 0, instructions.FindIndex(line => line.StartsWith("COPY ", StringComparison.Ordinal) && line.Split(' ')[1].EndsWith('/')));
    }

    /// <summary>Their files lie over its own: an older one than it was built for would keep it from starting.</summary>
    [Theory, MemberData(nameof(Services))]
    public void The_packages_that_all_share_are_the_ones_it_was_built_for(string name)
    {
        var own = PackagesOf(Topology.Service(name).Folder);
        Assert.All(PackagesOf("services/shared/ShopMesh.ServiceDefaults"), package => Assert.Equal(package.Value, own.GetValueOrDefault(package.Key, package.Value)));
    }

    [Theory, MemberData(nameof(Services))]
    public void It_runs_the_services_program_on_its_ports_as_a_user_without_rights(string name)
    {
        var service = Topology.Service(name);
        var dockerfile = Dockerfile.Of(service);
        Assert.True(File.Exists(Path.Combine(Repository.Root, service.Folder, $"{service.Assembly}.csproj")));
        Assert.Equal($"[\"dotnet\", \"{service.Assembly}.dll\"]", dockerfile.Single("ENTRYPOINT"));
        Assert.Contains(dockerfile.All("RUN"), command => command.StartsWith($"dotnet publish {service.Folder} ", StringComparison.Ordinal));
        Assert.Equal(Sources.PortsOf(service).Values.Order(), dockerfile.Single("EXPOSE").Split(' ').Select(port => int.Parse(port, CultureInfo.InvariantCulture)).Order());
        Assert.NotEqual(0, int.Parse(dockerfile.Single("USER"), CultureInfo.InvariantCulture));
    }

    [Theory, MemberData(nameof(Dockerfiles))]
    public void It_has_no_shell_and_says_what_it_is(string path)
    {
        var dockerfile = new Dockerfile(path);
        var name = Topology.Services.FirstOrDefault(service => $"{service.Folder}/Dockerfile" == path)?.Name ?? "load";
        Assert.Equal(["--platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build", "mcr.microsoft.com/dotnet/aspnet:10.0-noble-chiseled"], dockerfile.All("FROM"));
        Assert.Contains("VERSION=dev", dockerfile.All("ARG"));
        Assert.Contains($"org.opencontainers.image.title=\"shopmesh/{name}\" org.opencontainers.image.version=$VERSION ", dockerfile.Single("LABEL"), StringComparison.Ordinal);
    }

    /// <returns>The versions of a project's packages, by their names.</returns>
    private static Dictionary<string, string> PackagesOf(string folder) => JsonNode.Parse(Sources.Read($"{folder}/packages.lock.json"))!["dependencies"]!["net10.0"]!.AsObject()
        .Where(package => package.Value!["resolved"] is not null)
        .ToDictionary(package => package.Key, package => (string)package.Value!["resolved"]!, StringComparer.OrdinalIgnoreCase);

    /// <summary>As Docker reads <c>.dockerignore</c>: the last pattern that fits decides.</summary>
    private static bool IsIgnored(string path)
    {
        var ignored = false;
        foreach (var line in Sources.Read(".dockerignore").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var pattern = Regex.Escape(line.TrimStart('!').TrimEnd('/')).Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal);
            if (Regex.IsMatch(path, $"^{pattern}(/|$)"))
                ignored = line[0] != '!';
        }

        return ignored;
    }
}
