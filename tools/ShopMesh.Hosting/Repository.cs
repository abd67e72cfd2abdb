namespace ShopMesh.Hosting;

/// <summary>The clone that this program was built in.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>Where a shop keeps its state when nobody says otherwise.</summary>
    public static string StateDirectory => Path.Combine(Root, ".shopmesh");

    /// <summary>The built program of a service.</summary>
    /// <exception cref="ShopException">It was not built.</exception>
    public static string Program(MeshService service)
    {
        var program = Path.Combine(Root, service.Folder, "bin", "Release", "net10.0", $"{service.Assembly}.dll");
        return File.Exists(program) ? program : throw new ShopException($"The service {service.Name} is not built: run 'dotnet build -c Release', or ./shopmesh up without --no-build.");
    }

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "ShopMesh.sln")))
                return directory.FullName;
        }

        throw new ShopException($"{AppContext.BaseDirectory} is not inside a clone of the repository, whose services this runs.");
    }
}
