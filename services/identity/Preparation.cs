using Microsoft.AspNetCore.Identity;
using Npgsql;
using ShopMesh.Identity.Api;
using ShopMesh.Identity.Data;

namespace ShopMesh.Identity;

/// <summary>What has to be there beside the schema: the clients, the role, and the first admin where one is configured.</summary>
internal static class Preparation
{
    public static async Task PrepareAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await Clients.RegisterAsync(services, cancellationToken);

        var configuration = services.GetRequiredService<IConfiguration>();
        if (configuration["Identity:Admin:Email"] is { Length: > 0 } email && configuration["Identity:Admin:Password"] is { Length: > 0 } password)
            await EnsureAccountAsync(services, email, "Admin", password, isAdmin: true);
    }

    /// <summary>Makes an account unless it is there; any number of pods may do so at once.</summary>
    public static async Task EnsureAccountAsync(IServiceProvider services, string email, string name, string password, bool isAdmin)
    {
        if (await IsThereAsync(services.GetRequiredService<NpgsqlDataSource>(), email, isAdmin))
            return;
        var accounts = services.GetRequiredService<UserManager<Account>>();
        var roles = services.GetRequiredService<RoleManager<IdentityRole<Guid>>>();
        if (isAdmin && !await roles.RoleExistsAsync(Accounts.AdminRole))
            await Accounts.IgnoreTakenAsync(() => roles.CreateAsync(new(Accounts.AdminRole) { Id = Guid.CreateVersion7() }));

        var account = new Account { Id = Guid.CreateVersion7(), UserName = email, Email = email, Name = name };
        if (await accounts.FindByEmailAsync(email) is null)
            await Accounts.IgnoreTakenAsync(() => accounts.CreateAsync(account, password));
        var made = (await accounts.FindByEmailAsync(email))!;
        if (isAdmin && !await accounts.IsInRoleAsync(made, Accounts.AdminRole))
            await Accounts.IgnoreTakenAsync(() => accounts.AddToRoleAsync(made, Accounts.AdminRole));
    }

    /// <summary>In SQL: a start that finds all in place does not wait for EF Core's model.</summary>
    private static async Task<bool> IsThereAsync(NpgsqlDataSource database, string email, bool isAdmin)
    {
        await using var command = database.CreateCommand("""
            SELECT 1 FROM "AspNetUsers" account WHERE normalized_email = $1 AND (NOT $2 OR EXISTS (
                SELECT 1 FROM "AspNetUserRoles" given JOIN "AspNetRoles" role ON role.id = given.role_id WHERE given.user_id = account.id AND role.name = $3))
            """);
        command.Parameters.Add(new() { Value = email.ToUpperInvariant() });
        command.Parameters.Add(new() { Value = isAdmin });
        command.Parameters.Add(new() { Value = Accounts.AdminRole });
        return await command.ExecuteScalarAsync() is not null;
    }
}

/// <summary>The accounts that a demo shop opens with.</summary>
internal static class DemoAccounts
{
    private const string Password = "Passw0rd!";

    public static async Task SeedAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        await Preparation.EnsureAccountAsync(services, "alice@example.com", "Alice", Password, isAdmin: false);
        await Preparation.EnsureAccountAsync(services, "bob@example.com", "Bob", Password, isAdmin: false);
        await Preparation.EnsureAccountAsync(services, "admin@example.com", "Admin", Password, isAdmin: true);
    }
}
