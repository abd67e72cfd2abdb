using Microsoft.EntityFrameworkCore;

namespace ShopMesh.Inventory.Data;

internal sealed class InventoryContext(DbContextOptions<InventoryContext> options) : DbContext(options)
{
    public const int MaxIdLength = 64;

    public DbSet<Stock> Stock => Set<Stock>();

    public DbSet<LedgerEntry> Ledger => Set<LedgerEntry>();

    public DbSet<Reservation> Reservations => Set<Reservation>();

    /// <summary>On hand less reserved, once for each product, in the order asked for; 0 for one that never had stock.</summary>
    public async Task<IReadOnlyList<(string ProductId, int Available)>> GetAvailableAsync(string[] productIds, CancellationToken cancellationToken)
    {
        var found = await Stock.Where(stock => productIds.Contains(stock.ProductId))
            .Select(stock => new { stock.ProductId, Available = stock.OnHand - stock.Reserved })
            .ToDictionaryAsync(stock => stock.ProductId, stock => stock.Available, cancellationToken);
        return [.. productIds.Distinct().Select(id => (id, found.GetValueOrDefault(id)))];
    }

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.Entity<Stock>(stock =>
        {
            stock.HasKey(s => s.ProductId);
            stock.Property(s => s.ProductId).HasMaxLength(MaxIdLength);
            stock.Property(s => s.OnHand).HasComputedColumnSql("seeded + corrected - sold + returned", stored: true);
            stock.HasIndex(s => new { s.UpdatedAt, s.ProductId });
            // Computed from the totals: a check may not build on another computed column.
            stock.ToTable(table => table.HasCheckConstraint("ck_stock_reserved", "0 <= reserved AND reserved <= seeded + corrected - sold + returned"));
        });

        modelBuilder.Entity<LedgerEntry>(entry =>
        {
            entry.ToTable("ledger");
            entry.Property(e => e.ProductId).HasMaxLength(MaxIdLength);
            entry.Property(e => e.Kind).HasConversion<string>();
            entry.HasIndex(e => e.ProductId);
        });

        modelBuilder.Entity<Reservation>(reservation =>
        {
            reservation.HasKey(r => r.OrderId);
            reservation.Property(r => r.OrderId).HasMaxLength(MaxIdLength);
            reservation.Property(r => r.Status).HasConversion<string>();
        });
    }
}
