using Docker.DotNet;
using DotNet.Testcontainers.Builders;
using Testcontainers.PostgreSql;

namespace ShopMesh.Testing;

/// <summary>PostgreSQL in a container, where Docker runs.</summary>
internal static class Containers
{
    /// <returns>A server that runs; null where Docker or the image is not to be had: a shop starts an embedded one then.</returns>
    public static async Task<PostgreSqlContainer?> StartPostgresAsync()
    {
        if (!OperatingSystem.IsWindows() && Environment.GetEnvironmentVariable("DOCKER_HOST") is null && !File.Exists("/var/run/docker.sock"))
            return null;
        try
        {
            var container = new PostgreSqlBuilder("postgres:17").WithCommand("-c", "max_connections=300").Build();
            await container.StartAsync();
            return container;
        }
        catch (Exception e) when (e is DockerUnavailableException or DockerApiException)
        {
            return null;
        }
    }
}
